import CSodium

/// Bytes that must not be copied, printed or left behind: locked memory, wiped when the owner goes.
///
/// Not copyable, so that the compiler shows every place that holds one.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
    // Sendable: the memory is written only before the value is shared, and read-only afterwards.
    private let memory: UnsafeMutablePointer<UInt8>
    public let count: Int

    /// Copies `bytes` into locked memory. The caller's own copy is not wiped.
    public init(copying bytes: [UInt8]) {
        self.init(count: bytes.count) { memory in
            for (place, byte) in bytes.enumerated() { memory[place] = byte }
        }
    }

    /// Fresh bytes from the given generator, such as `SystemRandomNumberGenerator`.
    public init(count: Int, using random: inout some RandomNumberGenerator) {
        var generated = [UInt8](repeating: 0, count: count)
        for place in generated.indices { generated[place] = UInt8(truncatingIfNeeded: random.next() >> 56) }
        self.init(copying: generated)
        Self.wipe(&generated)
    }

    /// Memory of `count` bytes, filled by the closure, which gets a pointer to exactly that many.
    public init(count: Int, filling fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        Sodium.prepare()
        guard let memory = sodium_malloc(max(1, count)) else { preconditionFailure("no locked memory left for \(count) secret bytes") }
        self.memory = memory.bindMemory(to: UInt8.self, capacity: max(1, count))
        self.count = count
        fill(self.memory)
    }

    deinit { sodium_free(memory) }

    /// Lends the bytes for reading: a pointer to `count` of them, valid during the call.
    public borrowing func withBytes<Result: ~Copyable>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        body(UnsafePointer(memory))
    }

    public borrowing func copy() -> SecretBytes { prefix(count) }

    /// The first bytes as a secret of their own; all of them if there are fewer.
    public borrowing func prefix(_ byteCount: Int) -> SecretBytes {
        let length = min(count, byteCount)
        let source = memory
        return SecretBytes(count: length) { $0.update(from: source, count: length) }
    }

    /// The bytes in ordinary memory, for writing a key file. The caller answers for them.
    public borrowing func exposed() -> [UInt8] { Array(UnsafeBufferPointer(start: memory, count: count)) }

    /// Overwrites secret bytes that passed through ordinary memory, in a way the compiler does not leave out.
    ///
    /// Reaches only this array's own storage: bytes shared with another copy stay there.
    public static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress, $0.count) }
    }

    /// Compares in constant time.
    public static func == (left: borrowing SecretBytes, right: borrowing SecretBytes) -> Bool {
        left.count == right.count && sodium_memcmp(left.memory, right.memory, left.count) == 0
    }
}
