/// What a record of a session is.
public enum SessionEventKind: UInt8, Sendable {
    /// What the attacker typed: one record per read of the recorder.
    case input
    /// What the honeypot printed.
    case output
    /// A resize, a marker, an exit: nothing typed.
    case other
}

/// A value of a column, as SQLite and JSON hold it.
public enum ColumnValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}
