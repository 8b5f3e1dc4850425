/// Computes a session's profile from its records as they come (`Protocol/session-profile.md` §3). Records are taken in file order, never sorted.
///
/// Keeps a few numbers per input record of this one session, however long the records are. A record that cannot be used is passed over; nothing traps.
public struct ProfileBuilder: Sendable {
    /// Input records of one session that count; of those after only the time counts, and the profile says `isTruncated`.
    ///
    /// A guess: someone who types ten keys a second needs more than four days for it.
    public static let recordLimit = 4_000_000
    /// Times beyond this, in seconds, and those that are no number are a damaged recording: their records are passed over.
    public static let timeLimit = 1e12
    /// Longer intervals count as this, in seconds.
    static let longestInterval = 10.0
    /// The longest interval that makes a digraph sample, in seconds.
    static let longestDigraph = 1.5

    private let recordLimit: Int
    private var recordCount = 0
    private var previousTime = 0.0
    private var firstTime: Double?
    private var latestTime: Double?
    private var isTruncated = false

    private var intervals: [Double] = []
    private var enterLatencies: [Double] = []
    private var previousWasEnter = false
    private var actionStarts: [Double] = []
    private var burstCount = 0
    private var pauses = (burst: 0, think: 0, distracted: 0)
    /// Pauses over 2 s: those before a line end seen so far, and those since.
    private var thinkingTime = (settled: 0.0, open: 0.0)

    private var keyCounts = (backspace: 0, wkill: 0, ukill: 0, abort: 0, eof: 0, arrow: 0, tab: 0)
    private var typedKeyCount = 0
    private var previousKey: (key: UInt32, time: Double)?
    private var digraphs = DigraphTable()

    public init() { self.init(recordLimit: Self.recordLimit) }

    /// With a lower limit, for tests of what happens at it.
    init(recordLimit: Int) { self.recordLimit = recordLimit }

    /// - Parameter time: seconds since the session's start.
    public mutating func add(time: Double, kind: SessionEventKind, data: [UInt8]) {
        add(time: time, kind: kind, data: data.span)
    }

    /// - Parameters:
    ///   - time: seconds since the session's start.
    ///   - data: the record's bytes, which need not be UTF-8.
    public mutating func add(time: Double, kind: SessionEventKind, data: Span<UInt8>) {
        guard abs(time) <= Self.timeLimit else { return }  // Also refuses NaN.
        latestTime = max(latestTime ?? time, time)
        guard kind == .input else { return }
        guard !data.isEmpty else {
            previousKey = nil  // No keystroke, but not one key either.
            return
        }
        guard recordCount < recordLimit else {
            isTruncated = true
            return
        }
        let isEnter = Self.isEnter(data)
        if recordCount > 0 { addInterval(max(0, time - previousTime), endsInEnter: isEnter) } else { firstTime = time }
        if data.contains(where: { $0 == 0x0D || $0 == 0x0A }) {
            thinkingTime.settled += thinkingTime.open
            thinkingTime.open = 0
        }
        previousWasEnter = isEnter
        previousTime = time
        recordCount += 1
        count(data)
        addKey(KeyText.singleKey(in: data), at: time)
    }

    /// The profile of all records so far.
    ///
    /// - Parameter recordedDuration: the recorder's own, in seconds; without it, or if it cannot be one, the time of the latest record counts.
    public consuming func finish(recordedDuration: Double?) -> SessionProfile {
        let recorded = recordedDuration.flatMap { $0 >= 0 && $0 <= Self.timeLimit ? $0 : nil }
        let duration = recorded ?? latestTime.map { max(0, $0) }
        let (distinctDigraphCount, digraphSampleCount) = (digraphs.count, digraphs.sampleCount)
        let (simHash, topBigrams) = digraphs.finish()
        let sorted = intervals.sorted()
        let enters = enterLatencies.sorted()
        let starts = firstTime.map { actionStarts + [$0] }
        func rate(_ count: Int) -> Double? { recordCount > 0 ? Double(count) / Double(recordCount) : nil }
        var thinkRatio: Double?
        if recordCount >= 2, let duration, duration > 0 { thinkRatio = min(1, thinkingTime.settled / duration) }
        return SessionProfile(
            ikiMean: Statistics.mean(intervals), ikiStdev: Statistics.deviation(intervals), ikiP50: Statistics.quantile(0.5, ofSorted: sorted),
            ikiP95: Statistics.quantile(0.95, ofSorted: sorted), enterLatencyP50: Statistics.quantile(0.5, ofSorted: enters),
            enterLatencyP95: Statistics.quantile(0.95, ofSorted: enters),
            burstRatio: intervals.isEmpty ? nil : Double(burstCount) / Double(intervals.count), thinkRatio: thinkRatio,
            ctrlBackspace: rate(keyCounts.backspace), ctrlWkill: rate(keyCounts.wkill), ctrlUkill: rate(keyCounts.ukill),
            ctrlAbort: rate(keyCounts.abort), ctrlEof: rate(keyCounts.eof), arrowRate: rate(keyCounts.arrow), tabRate: rate(keyCounts.tab),
            digraphSimHash: simHash, topBigrams: topBigrams, startOfActionLatency: starts.map { Statistics.median($0) },
            pauseHistBurst: pauses.burst, pauseHistThink: pauses.think, pauseHistDistracted: pauses.distracted, totalKeystrokes: recordCount,
            sessionDuration: duration, typedKeyCount: typedKeyCount, distinctDigraphCount: distinctDigraphCount, digraphSampleCount: digraphSampleCount,
            isTruncated: isTruncated)
    }

    private mutating func addInterval(_ raw: Double, endsInEnter: Bool) {
        let interval = min(Self.longestInterval, raw)
        intervals.append(interval)
        if raw < 0.030 { burstCount += 1 }
        if raw < 0.2 { pauses.burst += 1 } else if raw < 1.5 { pauses.think += 1 } else { pauses.distracted += 1 }
        if raw > 1.0 { actionStarts.append(raw) }
        if raw > 2.0 { thinkingTime.open += raw }
        if endsInEnter, !previousWasEnter { enterLatencies.append(interval) }
    }

    private mutating func addKey(_ key: UInt32?, at time: Double) {
        guard let key else {
            previousKey = nil  // A paste or an escape sequence: no digraph goes across it.
            return
        }
        typedKeyCount += 1
        if let previous = previousKey {
            let seconds = time - previous.time
            if seconds > 0, seconds <= Self.longestDigraph { digraphs.add(previous.key, key, seconds: seconds) }
        }
        previousKey = (key, time)
    }

    /// A run of one key counts once.
    private mutating func count(_ data: Span<UInt8>) {
        switch data[0] {
        case 0x7F, 0x08: if data.allSatisfy({ $0 == 0x7F || $0 == 0x08 }) { keyCounts.backspace += 1 }
        case 0x17: if data.allSatisfy({ $0 == 0x17 }) { keyCounts.wkill += 1 }
        case 0x15: if data.allSatisfy({ $0 == 0x15 }) { keyCounts.ukill += 1 }
        case 0x03: if data.allSatisfy({ $0 == 0x03 }) { keyCounts.abort += 1 }
        case 0x04: if data.allSatisfy({ $0 == 0x04 }) { keyCounts.eof += 1 }
        case 0x09: if data.allSatisfy({ $0 == 0x09 }) { keyCounts.tab += 1 }
        case 0x1B: if Self.isArrows(data) { keyCounts.arrow += 1 }
        default: break
        }
    }

    /// One or more of ESC [ A-D and ESC O A-D, and nothing else.
    private static func isArrows(_ data: Span<UInt8>) -> Bool {
        guard data.count.isMultiple(of: 3) else { return false }
        for start in stride(from: 0, to: data.count, by: 3) {
            let (escape, bracket, letter) = (data[start], data[start + 1], data[start + 2])
            guard escape == 0x1B, bracket == 0x5B || bracket == 0x4F, letter >= 0x41, letter <= 0x44 else { return false }
        }
        return true
    }

    /// Exactly CR, LF, CR LF or CR NUL.
    static func isEnter(_ data: Span<UInt8>) -> Bool {
        switch data.count {
        case 1: data[0] == 0x0D || data[0] == 0x0A
        case 2: data[0] == 0x0D && (data[1] == 0x0A || data[1] == 0x00)
        default: false
        }
    }
}

extension Span<UInt8> {
    fileprivate func contains(where isWanted: (UInt8) -> Bool) -> Bool {
        for place in indices where isWanted(self[place]) { return true }
        return false
    }

    fileprivate func allSatisfy(_ isWanted: (UInt8) -> Bool) -> Bool { !contains { !isWanted($0) } }
}
