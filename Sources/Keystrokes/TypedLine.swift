/// What was typed up to an Enter, and what was printed meanwhile (`Protocol/fingerprint-2.md` §2).
///
/// Tells whether it was typed without echo, as passwords are.
struct TypedLine: Sendable {
    struct Event: Sendable {
        let time: Int64
        /// `nil`: not exactly one key.
        let key: UInt32?
    }

    let eventLimit: Int
    let echoLimit: Int
    private(set) var events: [Event] = []
    private var echo: [UInt8] = []
    /// More events than the limit: hidden, because nobody can say any more that it was not.
    private var isOverlong = false
    // Kept only for their storage.
    private var visible: [UInt32] = []
    private var lastPlaces = [Int](repeating: -1, count: 128)

    init(eventLimit: Int, echoLimit: Int) {
        self.eventLimit = eventLimit
        self.echoLimit = echoLimit
    }

    var isEmpty: Bool { events.isEmpty && !isOverlong }

    mutating func type(_ event: Event) {
        guard events.count < eventLimit else {
            isOverlong = true
            return
        }
        events.append(event)
    }

    /// What is beyond the limit is dropped: keys whose echo is lost count as not echoed.
    mutating func show(_ bytes: Span<UInt8>) {
        let kept = min(bytes.count, echoLimit - echo.count)
        for place in 0..<kept { echo.append(bytes[place]) }
    }

    mutating func clear() {
        events.removeAll(keepingCapacity: true)
        echo.removeAll(keepingCapacity: true)
        isOverlong = false
    }

    /// Typed without echo: less than half of the printable keys are found again, in order, in what was printed.
    mutating func isHidden() -> Bool {
        if isOverlong { return true }
        visible.removeAll(keepingCapacity: true)
        let echo = echo
        EchoText.appendKeys(of: echo.span, to: &visible)
        // Where each key occurs last says whether a search from here will find it, so no search ever runs to the end in vain.
        for place in lastPlaces.indices { lastPlaces[place] = -1 }
        var lastOthers: [UInt32: Int] = [:]
        let otherKeys = events.contains { ($0.key ?? 0) >= 128 }
        for (place, key) in visible.enumerated() {
            if key < 128 { lastPlaces[Int(key)] = place } else if otherKeys { lastOthers[key] = place }
        }
        var (printableCount, foundCount, place) = (0, 0, 0)
        for case let key? in events.lazy.map(\.key) where key >= 0x20 && key != 0x7F {
            printableCount += 1
            let last = key < 128 ? lastPlaces[Int(key)] : lastOthers[key] ?? -1
            guard last >= place else { continue }
            while visible[place] != key { place += 1 }
            place += 1
            foundCount += 1
        }
        return 2 * foundCount < printableCount
    }
}

/// The text a terminal would have shown: keys of what was printed, without its escape sequences.
enum EchoText {
    private static let escape: UInt8 = 0x1B

    static func appendKeys(of bytes: Span<UInt8>, to keys: inout [UInt32]) {
        var place = 0
        var hasTerminator = true
        while place < bytes.count {
            let byte = bytes[place]
            if byte == escape, let end = endOfEscape(at: place, in: bytes, &hasTerminator) {
                place = end
            } else if byte < 0x80 {
                keys.append(UInt32(byte))
                place += 1
            } else {
                let length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                if place + length <= bytes.count, let key = KeyText.singleKey(in: bytes.extracting(place..<place + length)) {
                    keys.append(key)
                    place += length
                } else {
                    if let key = KeyText.singleKey(in: bytes.extracting(place..<place + 1)) { keys.append(key) }
                    place += 1
                }
            }
        }
    }

    /// Behind the sequence that the ESC at `start` begins; `nil` if it begins none.
    ///
    /// - Parameter hasTerminator: false once no BEL or ST is left, so that many unfinished OSC cost one search.
    private static func endOfEscape(at start: Int, in bytes: Span<UInt8>, _ hasTerminator: inout Bool) -> Int? {
        guard start + 1 < bytes.count else { return nil }
        switch bytes[start + 1] {
        case 0x5B:  // CSI: parameters, intermediates, one final byte.
            var place = start + 2
            while place < bytes.count, (0x30...0x3F).contains(bytes[place]) { place += 1 }
            while place < bytes.count, (0x20...0x2F).contains(bytes[place]) { place += 1 }
            return place < bytes.count && (0x40...0x7E).contains(bytes[place]) ? place + 1 : nil
        case 0x5D:  // OSC: up to BEL or ST; unfinished, it is a sequence of two bytes.
            var place = start + 2
            while hasTerminator, place < bytes.count {
                if bytes[place] == 0x07 { return place + 1 }
                if bytes[place] == escape, place + 1 < bytes.count, bytes[place + 1] == 0x5C { return place + 2 }
                place += 1
            }
            hasTerminator = false
            return start + 2
        case 0x40...0x5A, 0x5C, 0x5E, 0x5F: return start + 2
        default: return nil
        }
    }
}
