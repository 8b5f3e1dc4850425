import Foundation
import Keystrokes

/// A Cowrie ttylog: records of `op i32 | tty u32 | length i32 | direction i32 | sec u32 | usec u32`, little-endian, then `length` bytes.
struct TtylogReader {
    /// The longest record that is believed.
    static let recordByteLimit = 16 << 20
    private static let headerByteCount = 24

    let path: String

    struct Recording {
        var recordCount = 0
        /// UTC milliseconds since 1970, of the first record.
        var startedAt: Int64?
        /// Where the file is cut off or damaged; what came before counts.
        var fault: SourceProblem?
    }

    /// Never throws: what cannot be opened or read on is the recording's fault.
    func read(into builder: inout RecordingBuilder) -> Recording {
        var recording = Recording()
        do { try read(into: &builder, &recording) } catch { recording.fault = SourceProblem(file: path, offset: nil, reason: error.description) }
        return recording
    }

    private func read(into builder: inout RecordingBuilder, _ recording: inout Recording) throws(SourceError) {
        let (descriptor, byteCount) = try PlainFile.open(path, followsLinks: false)
        defer { close(descriptor) }
        var file = Chunks(descriptor: descriptor, path: path)
        var offset: Int64 = 0
        var start: Int64?
        func fault(_ reason: String) -> SourceProblem { SourceProblem(file: path, offset: offset, reason: reason) }
        while true {
            let header = try file.next(Self.headerByteCount)
            if header.isEmpty { return }
            func field(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(header[place + $1]) << UInt32(8 * $1) } }
            guard header.count == Self.headerByteCount else {
                recording.fault = fault("the last record is cut off")
                return
            }
            let (operation, direction) = (field(0), field(12))
            let length = Int32(bitPattern: field(8))
            guard (0...Int32(Self.recordByteLimit)).contains(length), (1...4).contains(operation) else {
                recording.fault = fault("not a ttylog record")
                return
            }
            // Nothing is set aside for a length that the file cannot hold.
            let data = Int64(length) > byteCount - offset ? [] : try file.next(Int(length))
            guard data.count == Int(length) else {
                recording.fault = fault("the last record is cut off")
                return
            }
            let microseconds = Int64(field(16)) * 1_000_000 + Int64(field(20))
            if start == nil {
                start = microseconds
                recording.startedAt = microseconds / 1_000
            }
            let time = Double(microseconds - (start ?? microseconds)) / 1_000_000
            switch (operation, direction) {
            case (3, 1): builder.add(time: time, kind: .input, data: data)
            case (3, 2): builder.add(time: time, kind: .output, data: data)
            default: builder.add(time: time, kind: .other, data: [])  // Opened, closed, or a command given at once: no key was typed.
            }
            recording.recordCount += 1
            offset += Int64(Self.headerByteCount + data.count)
        }
    }

    /// Reads ahead, so that small records do not cost a system call each.
    private struct Chunks {
        let descriptor: Int32
        let path: String
        private var buffer: [UInt8] = []
        private var start = 0
        private static let chunkByteCount = 1 << 16

        init(descriptor: Int32, path: String) {
            self.descriptor = descriptor
            self.path = path
        }

        /// That many bytes, fewer at the end of the file.
        mutating func next(_ count: Int) throws(SourceError) -> [UInt8] {
            while buffer.count - start < count {
                buffer.removeFirst(start)
                start = 0
                let chunk = try PlainFile.read(descriptor, upTo: Self.chunkByteCount, path: path)
                guard !chunk.isEmpty else { break }
                buffer += chunk
            }
            let end = min(buffer.count, start + count)
            defer { start = end }
            return Array(buffer[start..<end])
        }
    }
}
