import Foundation
import Primitives

/// Looks for planted identities in files, in every encoding that something might have put them into.
struct CanaryScanner {
    /// Shorter patterns would be met by chance.
    private static let shortest = 8

    private struct Pattern {
        let canary: String
        let encoding: String
        let bytes: [UInt8]
    }

    private var patterns: [[Pattern]] = []
    private var places: [UInt64: Int] = [:]  // By the first eight bytes.

    init(_ canaries: [String]) {
        for canary in canaries { for (encoding, bytes) in Self.encodings(of: canary) { add(Pattern(canary: canary, encoding: encoding, bytes: bytes)) } }
    }

    private mutating func add(_ pattern: Pattern) {
        guard pattern.bytes.count >= Self.shortest else { return }
        let head = pattern.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        if let place = places[head] {
            patterns[place].append(pattern)
        } else {
            places[head] = patterns.count
            patterns.append([pattern])
        }
    }

    /// What is found, as "canary (encoding)"; each once.
    func findings(in data: [UInt8]) -> Set<String> {
        var found: Set<String> = []
        guard data.count >= 8 else { return found }
        var head = data[..<7].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        for end in 7..<data.count {
            head = head << 8 | UInt64(data[end])
            guard let place = places[head] else { continue }
            let start = end - 7
            for pattern in patterns[place]
            where start + pattern.bytes.count <= data.count && data[start..<start + pattern.bytes.count].elementsEqual(pattern.bytes) {
                found.insert("\(pattern.canary) (\(pattern.encoding))")
            }
        }
        return found
    }

    func findings(below path: String, except excluded: (String) -> Bool = { _ in false }) throws -> Set<String> {
        var found: Set<String> = []
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return found }
        let files = isFolder.boolValue ? try FileManager.default.subpathsOfDirectory(atPath: path).map { path + "/" + $0 } : [path]
        for file in files where !excluded(file) {
            guard let handle = FileHandle(forReadingAtPath: file), let data = try? handle.readToEnd() else { continue }
            for finding in findings(in: Array(data)) { found.insert("\(finding) in \(file.dropFirst(path.count))") }
        }
        return found
    }

    static func encodings(of canary: String) -> [(String, [UInt8])] {
        let plain = Array(canary.utf8)
        var encodings: [(String, [UInt8])] = [
            ("plain", plain), ("upper case", Array(canary.uppercased().utf8)), ("lower case", Array(canary.lowercased().utf8)),
            ("reversed", plain.reversed()), ("UTF-16LE", canary.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
            ("UTF-16BE", canary.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }), ("hex", Array(Hex.encode(plain).utf8)),
            ("HEX", Array(Hex.encode(plain).uppercased().utf8)), ("percent", Array(plain.map { String(format: "%%%02X", $0) }.joined().utf8)),
        ]
        // Base64 of something it is part of, at each of three alignments; what depends on its neighbours is cut off.
        for lead in 0..<3 {
            let text = Array(Data([UInt8](repeating: 0, count: lead) + plain).base64EncodedString().utf8)
            let first = lead == 0 ? 0 : lead + 1
            let last = (lead + plain.count) / 3 * 4
            if first < last { encodings.append(("base64 at \(lead)", Array(text[first..<last]))) }
        }
        let bare = canary.filter { $0.isHexDigit }
        if canary.count == 36, canary.filter({ $0 == "-" }).count == 4, bare.count == 32 {
            encodings.append(("without hyphens", Array(bare.utf8)))
            encodings.append(("binary", Hex.decode(bare) ?? []))
            encodings.append(("first half", Array(canary.utf8.prefix(18))))
            encodings.append(("binary, first half", Array((Hex.decode(bare) ?? []).prefix(8))))
        }
        if let host = NetworkHost(canary) {
            encodings.append(("binary", host.bytes))
            encodings.append(("number", Array(host.number.utf8)))
            encodings.append(("with hyphens", Array(canary.map { $0 == "." || $0 == ":" ? "-" : $0 }.map { String($0) }.joined().utf8)))
        }
        return encodings
    }

    /// An IPv4 or IPv6 address.
    private struct NetworkHost {
        let bytes: [UInt8]
        var number: String { bytes.count == 4 ? "\(bytes.reduce(0) { $0 << 8 | UInt64($1) })" : "" }

        init?(_ text: String) {
            var four = in_addr()
            var six = in6_addr()
            if inet_pton(AF_INET, text, &four) == 1 {
                bytes = withUnsafeBytes(of: four) { Array($0) }
            } else if inet_pton(AF_INET6, text, &six) == 1 {
                bytes = withUnsafeBytes(of: six) { Array($0) }
            } else {
                return nil
            }
        }
    }
}
