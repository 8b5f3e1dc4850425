/// Cuts a byte stream into length-prefixed messages; holds at most one unfinished message.
///
/// The caller says what lengths are allowed *now*; a length outside is refused when its two bytes are there, before any of the message is kept.
struct MessageAssembler: Sendable {
    private var unfinished: [UInt8] = []  // Length bytes included.

    /// How many bytes wait for the rest of their message.
    var byteCount: Int { unfinished.count }

    /// Takes the next whole message off the front of `input`, or keeps the rest of `input` and gives `nil`.
    mutating func next(from input: inout ArraySlice<UInt8>, allowing allowed: ClosedRange<Int>) throws(NoiseError) -> [UInt8]? {
        guard take(until: NoiseFraming.lengthByteCount, from: &input) else { return nil }
        let length = Int(unfinished[0]) << 8 | Int(unfinished[1])
        guard allowed.contains(length) else { throw .messageLength(found: length, allowed: allowed) }
        guard take(until: NoiseFraming.lengthByteCount + length, from: &input) else { return nil }
        let message = Array(unfinished.dropFirst(NoiseFraming.lengthByteCount))
        unfinished.removeAll(keepingCapacity: true)
        return message
    }

    /// Fills up to `byteCount` bytes; whether they are all there.
    private mutating func take(until byteCount: Int, from input: inout ArraySlice<UInt8>) -> Bool {
        let part = input.prefix(max(0, byteCount - unfinished.count))
        unfinished.append(contentsOf: part)
        input = input.dropFirst(part.count)
        return unfinished.count >= byteCount
    }
}
