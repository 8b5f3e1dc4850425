import Collecting

/// A domain as it is published, from what somebody types: an address, a host name or a domain.
enum PublishedDomain {
    static func of(_ text: String) throws -> String {
        guard let domain = DomainNormalizer.published(text) else {
            throw Failure("\(text) is no domain that could be published", hint: "give a registrable domain such as example.com, or a mail address")
        }
        return domain.text
    }

    /// A domain that others are below, public suffixes among them, in normal form.
    static func parent(_ text: String) throws -> String {
        guard let domain = DomainNormalizer.domain(text.hasPrefix(".") ? String(text.dropFirst()) : text) else {
            throw Failure("\(text) is no domain of two labels or more", hint: "--under org.uk, or --under example.com")
        }
        return domain.text
    }
}
