import Foundation

/// Starts programs that outlive whoever started them, with their output in a file.
enum ProcessLauncher {
    /// A session of its own, no standard input, standard output and error appended to `logPath`.
    ///
    /// - Returns: the process id.
    static func start(_ executable: String, _ arguments: [String], logPath: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID: a terminal's interrupt does not reach the node.
        posix_spawnattr_setflags(&attributes, 0x80)
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, executable, &actions, &attributes, words, environ)
        guard code == 0 else { throw ClusterError.cannotStart(executable: executable, reason: String(cString: strerror(code))) }
        return process
    }

    /// Whether the process lives; collects it if it was our child and has ended.
    static func isAlive(_ process: Int32) -> Bool {
        var status: Int32 = 0
        if waitpid(process, &status, WNOHANG) == process { return false }
        return kill(process, 0) == 0
    }

    /// Whether the process is one that runs this executable: a number alone may long belong to somebody else.
    static func isOurs(_ process: Int32, executable: String) -> Bool {
        guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe") else { return false }
        let path = URL(fileURLWithPath: executable).resolvingSymlinksInPath().path
        return target == path || target == path + " (deleted)"
    }
}
