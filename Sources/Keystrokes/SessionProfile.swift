/// The `kd_*` features of one session, schema_version 1 (`Protocol/session-profile.md` §3). Stays with the operator.
///
/// `nil` is "no such thing in this session"; counts are never `nil`.
public struct SessionProfile: Sendable, Equatable {
    public static let schemaVersion = 1

    // Times are seconds; intervals are cut at 10 s.
    public var ikiMean: Double?
    public var ikiStdev: Double?
    public var ikiP50: Double?
    public var ikiP95: Double?
    public var enterLatencyP50: Double?
    public var enterLatencyP95: Double?
    /// Shares from 0 to 1.
    public var burstRatio: Double?
    public var thinkRatio: Double?
    /// Records of that key per keystroke.
    public var ctrlBackspace: Double?
    public var ctrlWkill: Double?
    public var ctrlUkill: Double?
    public var ctrlAbort: Double?
    public var ctrlEof: Double?
    public var arrowRate: Double?
    public var tabRate: Double?
    /// 64 bits; `nil` below 8 digraphs or 20 samples.
    public var digraphSimHash: UInt64?
    /// JSON. Near plain text of what was typed: stored locally, read by nothing else.
    public var topBigrams: String
    public var startOfActionLatency: Double?
    public var pauseHistBurst: Int
    public var pauseHistThink: Int
    public var pauseHistDistracted: Int
    public var totalKeystrokes: Int
    public var sessionDuration: Double?

    /// Input records of exactly one key: what the release gate measures.
    public var typedKeyCount: Int
    public var distinctDigraphCount: Int
    public var digraphSampleCount: Int
    /// Records beyond the limit were not counted.
    public var isTruncated: Bool
}

extension SessionProfile {
    /// All columns, in the order of DECNET's table.
    public static let columnNames = [
        "kd_iki_mean", "kd_iki_stdev", "kd_iki_p50", "kd_iki_p95", "kd_enter_latency_p50", "kd_enter_latency_p95", "kd_burst_ratio", "kd_think_ratio",
        "kd_ctrl_backspace", "kd_ctrl_wkill", "kd_ctrl_ukill", "kd_ctrl_abort", "kd_ctrl_eof", "kd_arrow_rate", "kd_tab_rate", "kd_digraph_simhash",
        "kd_top_bigrams", "kd_start_of_action_latency", "kd_pause_hist_burst", "kd_pause_hist_think", "kd_pause_hist_distracted", "total_keystrokes",
        "session_duration_s",
    ]

    /// The value of a column; `null` also for a column that does not exist.
    public func value(of column: String) -> ColumnValue {
        func real(_ value: Double?) -> ColumnValue { value.map { .real($0) } ?? .null }
        return switch column {
        case "kd_iki_mean": real(ikiMean)
        case "kd_iki_stdev": real(ikiStdev)
        case "kd_iki_p50": real(ikiP50)
        case "kd_iki_p95": real(ikiP95)
        case "kd_enter_latency_p50": real(enterLatencyP50)
        case "kd_enter_latency_p95": real(enterLatencyP95)
        case "kd_burst_ratio": real(burstRatio)
        case "kd_think_ratio": real(thinkRatio)
        case "kd_ctrl_backspace": real(ctrlBackspace)
        case "kd_ctrl_wkill": real(ctrlWkill)
        case "kd_ctrl_ukill": real(ctrlUkill)
        case "kd_ctrl_abort": real(ctrlAbort)
        case "kd_ctrl_eof": real(ctrlEof)
        case "kd_arrow_rate": real(arrowRate)
        case "kd_tab_rate": real(tabRate)
        case "kd_digraph_simhash":
            digraphSimHash.map { hash in
                .blob(stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0)) })
            } ?? .null
        case "kd_top_bigrams": .text(topBigrams)
        case "kd_start_of_action_latency": real(startOfActionLatency)
        case "kd_pause_hist_burst": .integer(Int64(pauseHistBurst))
        case "kd_pause_hist_think": .integer(Int64(pauseHistThink))
        case "kd_pause_hist_distracted": .integer(Int64(pauseHistDistracted))
        case "total_keystrokes": .integer(Int64(totalKeystrokes))
        case "session_duration_s": real(sessionDuration)
        default: .null
        }
    }
}
