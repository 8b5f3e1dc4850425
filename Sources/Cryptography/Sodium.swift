import CSodium

/// Makes libsodium ready, once per process. Every entry into the library goes through here.
enum Sodium {
    private static let ready: Bool = sodium_init() >= 0

    static func prepare() {
        precondition(ready, "libsodium could not be initialised: no source of randomness")
    }
}
