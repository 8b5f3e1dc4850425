import Foundation
import GRDB

/// A database that stays with the operator: for this user alone (mode 0600 in a directory of mode 0700), on the disk when a write returns
/// (`synchronous = FULL`), with nothing left of what was deleted (`secure_delete`). Several programs may have it open.
public enum PrivateDatabase {
    /// How long a writer waits for another program, in seconds.
    public static let busyTimeout: TimeInterval = 10

    /// Opens the database, making it and its directory if there is none.
    ///
    /// Throws what the file system or SQLite says.
    public static func open(_ name: String, in directory: String, configuration: Configuration = Configuration()) throws -> DatabaseQueue {
        let path = directory + "/" + name
        var configuration = configuration
        configuration.busyMode = .timeout(busyTimeout)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if access(path, F_OK) != 0 {
            let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor >= 0 { close(descriptor) }
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
        }
        return queue
    }
}
