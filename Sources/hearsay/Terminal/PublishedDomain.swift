import Primitives

/// A domain as it is published, from what somebody types.
enum PublishedDomain {
    static func of(_ text: String) throws -> String { text }
}
