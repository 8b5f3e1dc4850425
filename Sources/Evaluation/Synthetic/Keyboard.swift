/// Where the keys of a US keyboard lie, and with which finger a ten-finger typist strikes them.
enum Keyboard {
    struct Place: Sendable {
        /// 0 (left little) to 7 (right little).
        let finger: Int
        let column: Int
        let row: Int
        let isShifted: Bool

        var isLeft: Bool { finger <= 3 }
    }

    private static let rows = [
        ("`1234567890-=", "~!@#$%^&*()_+"), (" qwertyuiop[]\\", " QWERTYUIOP{}|"), (" asdfghjkl;'", " ASDFGHJKL:\""), (" zxcvbnm,./", " ZXCVBNM<>?"),
    ]
    private static let fingers = [0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 7, 7, 7]

    private static let places: [Place?] = {
        var places = [Place?](repeating: nil, count: 128)
        for (row, keys) in rows.enumerated() {
            for (isShifted, line) in [(false, keys.0), (true, keys.1)] {
                for (column, key) in line.utf8.enumerated() where key != 0x20 {
                    // Digits lie half a key to the left of the letters below them.
                    let finger = fingers[row == 0 ? column : min(column, fingers.count - 1)]
                    places[Int(key)] = Place(finger: finger, column: column, row: row, isShifted: isShifted)
                }
            }
        }
        return places
    }()

    /// `nil` for space and control keys.
    static func place(of key: UInt8) -> Place? { key < 128 ? places[Int(key)] : nil }

    /// The key beside it, which a finger hits by mistake; `nil` if there is none.
    static func neighbour(of key: UInt8, toTheLeft: Bool) -> UInt8? {
        guard let place = place(of: key) else { return nil }
        let line = Array((place.isShifted ? rows[place.row].1 : rows[place.row].0).utf8)
        let column = place.column + (toTheLeft ? -1 : 1)
        return line.indices.contains(column) && line[column] != 0x20 ? line[column] : nil
    }
}

/// What a pair of keys asks of the hands: each class has a time of its own for every typist.
enum PairClass: Int, CaseIterable, Sendable {
    case intoWord, outOfWord, sameKey, fromLeft, fromRight, leftInward, leftOutward, rightInward, rightOutward, sameFinger
    case symbol, enter, correction, other

    init(_ first: UInt8, _ second: UInt8) {
        if second == Keys.backspace || first == Keys.backspace { self = .correction; return }
        if second == Keys.enter { self = .enter; return }
        if first == second { self = .sameKey; return }
        let (from, to) = (Keyboard.place(of: first), Keyboard.place(of: second))
        switch (from, to) {
        case (nil, let to?): self = first == Keys.space && Self.isPlain(to) ? .intoWord : first == Keys.space ? .symbol : .other
        case (_?, nil): self = second == Keys.space ? .outOfWord : .other
        case (let from?, let to?):
            guard Self.isPlain(from), Self.isPlain(to) else { self = .symbol; return }
            if from.isLeft != to.isLeft { self = from.isLeft ? .fromLeft : .fromRight; return }
            if from.finger == to.finger { self = .sameFinger; return }
            if from.isLeft { self = from.finger < to.finger ? .leftInward : .leftOutward } else {
                self = from.finger > to.finger ? .rightInward : .rightOutward
            }
        case (nil, nil): self = .other
        }
    }

    /// A letter, or another key of the three rows that needs no shift.
    private static func isPlain(_ place: Keyboard.Place) -> Bool { place.row > 0 && !place.isShifted && place.column <= 10 }
}

/// Keys that print nothing.
enum Keys {
    static let enter: UInt8 = 0x0D
    static let tab: UInt8 = 0x09
    static let backspace: UInt8 = 0x7F
    static let space: UInt8 = 0x20
    static let endOfInput: UInt8 = 0x04
    static let up: [UInt8] = [0x1B, 0x5B, 0x41]
}
