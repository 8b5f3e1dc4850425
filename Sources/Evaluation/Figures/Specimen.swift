import Keystrokes

/// How much typing stands behind a code: the classes of `Protocol/fingerprint-2.md` §7.
public enum LengthClass: Int, CaseIterable, Sendable, Comparable {
    case short, medium, long, longest

    /// `nil` below 40 pairs.
    ///
    /// - Parameter pairCount: pairs of keys that the code was made of.
    public init?(pairCount: Int) {
        switch pairCount {
        case ..<Fingerprint2.smallestPairCount: return nil
        case ..<150: self = .short
        case ..<400: self = .medium
        case ..<1_000: self = .long
        default: self = .longest
        }
    }

    public static func < (left: LengthClass, right: LengthClass) -> Bool { left.rawValue < right.rawValue }

    /// As in the table of decibans.
    public var letter: String { ["S", "M", "L", "X"][rawValue] }
    public var pairCounts: String { ["40 to 149", "150 to 399", "400 to 999", "1,000 and more"][rawValue] }
}

/// One session's code in one stream, and whose it is.
public struct Specimen: Sendable, Equatable {
    /// Counted from 0.
    public var person: Int
    public var code: UInt64
    /// `nil`: below 40 pairs, or the source does not tell.
    public var lengthClass: LengthClass?

    public init(person: Int, code: UInt64, lengthClass: LengthClass?) {
        (self.person, self.code, self.lengthClass) = (person, code, lengthClass)
    }
}

/// All codes of one schema_version, with the least that measuring takes.
public struct SpecimenSet: Sendable {
    /// Sessions compared at most: pairs grow with the square, and these are two thousand million.
    public static let sessionLimit = 65_536
    /// Persons at most: each pair of them is weighed in every replicate of the bootstrap.
    public static let personLimit = 8_192

    public enum Refusal: Error, Sendable, Equatable, CustomStringConvertible {
        /// Equal error rates need persons to tell apart, each with two sessions at least.
        case tooFewPersons(found: Int, need: Int)
        case tooManySessions(found: Int, limit: Int)
        case tooManyPersons(found: Int, limit: Int)

        public var description: String {
            switch self {
            case .tooFewPersons(let found, let need): "\(found) persons have two sessions with a code; it takes \(need) at least"
            case .tooManySessions(let found, let limit): "\(found) sessions are more than the \(limit) that can be compared"
            case .tooManyPersons(let found, let limit): "\(found) persons are more than the \(limit) that can be compared"
            }
        }
    }

    /// Persons with at least two sessions, fewer than which there is nothing to measure.
    public static let smallestPersonCount = 2

    public let schemaVersion: Int
    /// The sessions of each person together; nobody without any.
    let persons: [[Specimen]]

    public init(schemaVersion: Int, _ specimens: [Specimen]) throws(Refusal) {
        guard specimens.count <= Self.sessionLimit else { throw .tooManySessions(found: specimens.count, limit: Self.sessionLimit) }
        var byPerson: [Int: [Specimen]] = [:]
        for specimen in specimens { byPerson[specimen.person, default: []].append(specimen) }
        persons = byPerson.sorted { $0.key < $1.key }.map(\.value)
        self.schemaVersion = schemaVersion
        guard persons.count <= Self.personLimit else { throw .tooManyPersons(found: persons.count, limit: Self.personLimit) }
        let repeated = persons.count { $0.count >= 2 }
        guard repeated >= Self.smallestPersonCount else { throw .tooFewPersons(found: repeated, need: Self.smallestPersonCount) }
    }

    public var personCount: Int { persons.count }
    public var sessionCount: Int { persons.reduce(0) { $0 + $1.count } }
    /// Persons whose sessions can be compared with each other.
    public var repeatedPersonCount: Int { persons.count { $0.count >= 2 } }
}
