/// Computes a session's schema_version 2 fingerprint from its records as they come, in file order (`Protocol/fingerprint-2.md`).
///
/// Keeps one line of what was typed and printed, and counts; a record that cannot be used is passed over; nothing traps.
public struct FingerprintBuilder: Sendable {
    /// Input records between two Enters; a line with more is taken as hidden.
    ///
    /// A guess: bounds a line to 1 MiB. Nobody types as much without Enter and is still a person at a prompt.
    public static let lineLimit = 65_536
    /// Bytes of output between a line's first key and its Enter; what comes after them is no longer looked at.
    public static let echoLimit = 1 << 20
    /// Times beyond this are a damaged recording.
    static let timeLimit = Int64(ProfileBuilder.timeLimit) * 1_000_000

    private var line: TypedLine
    private var tally = PairTally()
    private var hasOutput = false

    public init() { self.init(lineLimit: Self.lineLimit, echoLimit: Self.echoLimit) }

    /// With lower limits, for tests of what happens at them.
    init(lineLimit: Int, echoLimit: Int) { line = TypedLine(eventLimit: lineLimit, echoLimit: echoLimit) }

    /// - Parameter time: seconds since the session's start; rounded to the nearest microsecond, ties to even.
    public mutating func add(time: Double, kind: SessionEventKind, data: [UInt8]) {
        add(time: time, kind: kind, data: data.span)
    }

    public mutating func add(time: Double, kind: SessionEventKind, data: Span<UInt8>) {
        guard abs(time) <= ProfileBuilder.timeLimit else { return }  // Also refuses NaN.
        add(microseconds: Int64((time * 1e6).rounded(.toNearestOrEven)), kind: kind, data: data)
    }

    public mutating func add(microseconds: Int64, kind: SessionEventKind, data: [UInt8]) {
        add(microseconds: microseconds, kind: kind, data: data.span)
    }

    public mutating func add(microseconds: Int64, kind: SessionEventKind, data: Span<UInt8>) {
        guard (-Self.timeLimit...Self.timeLimit).contains(microseconds) else { return }
        switch kind {
        case .other: return
        case .output:
            hasOutput = true
            if !line.isEmpty { line.show(data) }
        case .input:
            line.type(TypedLine.Event(time: microseconds, key: KeyText.singleKey(in: data)))
            if ProfileBuilder.isEnter(data) { closeLine() }
        }
    }

    /// `nil` if nothing was ever printed: then what was hidden cannot be told from what was not.
    public consuming func finish() -> Fingerprint2? {
        guard hasOutput else { return nil }
        closeLine()
        tally.finish()
        return Fingerprint2(tally)
    }

    private mutating func closeLine() {
        if line.isHidden() {
            tally.add(nil, at: 0)
        } else {
            for event in line.events { tally.add(event.key, at: event.time) }
        }
        line.clear()
    }
}
