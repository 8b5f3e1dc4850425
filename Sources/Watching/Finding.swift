import Primitives

/// One operator's day that an answer of the node names, on which something was seen that is watched.
public struct Finding: Hashable, Sendable {
    /// The seen code or domain; for own sessions with the session before it. Told once for each operator and day.
    public let key: String
    /// 64 hex digits.
    public let origin: String
    public let day: Day
    public let sighting: Alert.Sighting

    public init(key: String, origin: String, day: Day, sighting: Alert.Sighting) {
        self.key = key
        self.origin = origin
        self.day = day
        self.sighting = sighting
    }
}

/// All findings for one code or domain that was asked about.
public struct FindingGroup: Hashable, Sendable {
    public var findings: [Finding]
    /// Of domains: others' figures, as the node gives them.
    public var figures: Alert.Figures?

    public init(_ findings: [Finding], figures: Alert.Figures? = nil) {
        self.findings = findings
        self.figures = figures
    }
}

/// What is worth telling: the decision, without any clock or store.
public enum WhatIsNew {
    /// What of a group counts for a watch at all: strong enough, not too old, of enough operators.
    public static func relevant(_ group: FindingGroup, for watch: Watch, today: Day) -> [Finding] {
        // A day of the future is a slip or a lie; it is looked at when it comes.
        let days = today.advanced(by: -WatchLimits.memoryDays)...today.advanced(by: 1)
        let counting = group.findings.filter { finding in
            days.contains(finding.day) && (watch.minimumDecibans.map { minimum in (finding.sighting.decibans ?? -.infinity) >= minimum } ?? true)
        }
        return Set(counting.map(\.origin)).count >= watch.minimumOperators ? counting : []
    }

    /// The nearest first, then the newest; of equals by operator and key.
    public static func inOrder(_ findings: [Finding]) -> [Finding] {
        findings.sorted { left, right in
            let (near, far) = (left.sighting.distance ?? 0, right.sighting.distance ?? 0)
            if near != far { return near < far }
            if left.day != right.day { return left.day > right.day }
            return (left.origin, left.key) < (right.origin, right.key)
        }
    }
}
