import Collecting

/// A domain as it is published, from what somebody types: an address, a host name or a domain.
enum PublishedDomain {
    static func of(_ text: String) throws -> String {
        guard let domain = DomainNormalizer.published(text) else {
            throw Failure("\(text) is no domain that could be published", hint: "give a registrable domain such as example.com, or a mail address")
        }
        return domain.text
    }
}
