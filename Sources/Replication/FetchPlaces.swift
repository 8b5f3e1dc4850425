import Primitives

/// How many attempts wait on each session, and how many more may.
struct FetchPlaces {
    let sessions: [SessionID]
    /// Those that were late, unless all were: then it says nothing.
    private let late: [SessionID]
    private let share: Int
    private var taken: [SessionID: Int] = [:]
    private var takenByLate = 0
    /// Sessions that have had their share.
    private var fullCount = 0

    init(sessions: [SessionID], late: [SessionID]) {
        self.sessions = sessions
        self.late = late.count < sessions.count ? late : []
        share = max(FetchScheduler.leastShare, FetchScheduler.concurrentOrigins / max(1, sessions.count))
    }

    /// Whether anybody may be asked at all.
    var areLeft: Bool { sessions.isEmpty || fullCount < sessions.count }

    func isLate(_ session: SessionID) -> Bool { late.contains(session) }

    func areLeft(with session: SessionID) -> Bool {
        (taken[session] ?? 0) < share && (!late.contains(session) || takenByLate < FetchScheduler.lateOrigins)
    }

    mutating func take(_ session: SessionID) {
        taken[session, default: 0] += 1
        if taken[session] == share { fullCount += 1 }
        if late.contains(session) { takenByLate += 1 }
    }
}
