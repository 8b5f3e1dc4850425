import Membership
import Primitives
import WireFormat

extension NodeCore {
    /// Our own tuning; the specification's limits are in `Limits`.
    public struct Configuration: Sendable {
        /// Sessions this node dials by itself.
        public var outboundSessions = 8
        /// So long after the start, neighbours for whom the caps on one network and one branch had to bend are let go, if others can be had by then: at first a node
        /// knows few, and those perhaps of one hand. A guess; a node knows a mesh of thousands after some seconds.
        public var firstReview: Duration = .seconds(60)
        /// Connection attempts at one time.
        public var concurrentDials = 4
        /// Where to look for the mesh as long as nobody is known: an address and the key of who should answer.
        public var seeds: [Seed] = []
        public var tickInterval: Duration = .seconds(1)
        public var liveness = FailureDetector.Configuration()
        /// What the target of a probe that we pass on may take; less than whoever asked waits for us.
        public var relayedProbeTimeout: Duration = .seconds(1)
        /// Neighbours drawn anew each `housekeepingInterval`.
        public var redrawnSessions = 2
        /// Sessions beyond `outboundSessions` that are kept when a look finds somebody who was taken for dead: so two halves of a mesh grow together.
        public var reunionSessions = 2
        public var housekeepingInterval: Duration = .seconds(3_600)
        /// A burst of changes becomes one head.
        public var publishDelay: Duration = .milliseconds(50)
        /// Time between two rounds of telling neighbours a hot head.
        public var spreadInterval: Duration = .milliseconds(200)
        /// Rounds a head is told in, and neighbours told in each.
        public var spreadRounds = 3
        public var spreadFanout = 4
        /// Whether heads are announced, and asked for, where there are many of them. Only to measure what it saves is it ever off.
        public var announcesHeads = true
        /// More heads of others than these adopted within the span, 4 a second, are announced by name; fewer are told whole: that is faster, and costs
        /// little. The span is longer than a mesh of some hundred takes to start, when all heads are new.
        public var busyHeads = 400
        public var busySpan: Duration = .seconds(100)
        /// How long the other side may take to say who it is.
        public var helloTimeout: Duration = .seconds(10)
        /// A session on which nothing is heard for so long is asked for a sign of life.
        public var idleBeforePing: Duration = .seconds(12)
        /// A session on which nothing is heard for so long is closed.
        public var idleBeforeClose: Duration = .seconds(30)
        /// A neighbour that answers a question slower than this is not waited for.
        public var requestTimeout: Duration = .seconds(30)
        /// Each neighbour is asked at least this often, by ping, how far its log goes, if it has not told by itself.
        public var pullInterval: Duration = .seconds(15)
        /// How long a generation's signing key may be used; it is replaced a twelfth before the end.
        public var generationLifetime: Duration = .seconds(730 * 86_400)
        /// What one origin may have in the replica.
        public var originQuota = OriginQuota.standard
        /// How long a newcomer's membership is valid.
        public var membershipLifetime: Duration = .seconds(730 * 86_400)

        /// Whether questions of peers are answered, in aggregates.
        public var answersQuestions = false
        /// How long an answer to a question of our operator's is waited for.
        public var questionTimeout: Duration = .seconds(10)

        public init() {}

        public struct Seed: Hashable, Sendable {
            public var address: NetworkAddress
            public var key: TransportKey

            public init(address: NetworkAddress, key: TransportKey) {
                self.address = address
                self.key = key
            }
        }
    }

    /// What may pile up, and never beyond this.
    enum Bound {
        /// Statements that wait for what they rest on. More are dropped; comparing logs with whoever has brought them brings them again.
        static let pendingStatements = 4_096
        /// Of these, what one operator has brought: so that no few fill the room.
        static let pendingStatementsPerOperator = 256
        /// Frames that wait until the sender's hello has been checked. More close the session.
        static let earlyFrames = 32
        /// Batches of a session under check at one time. Further datagrams are dropped; further answers come only when asked for.
        static let batchesPerSession = 64
        /// Neighbours that are asked to show one stretch of a history.
        static let historyAttempts = 3
        /// Statements in a part of two logs that are compared, on average: with more of them what differs brings more along that does not; with fewer the
        /// digests cost more.
        static let statementsPerPart = 8
        /// Who has fallen so far behind a neighbour's numbering compares logs again.
        static let numbersBehind: UInt64 = 256
        /// A log shorter than this is not compared: all of the other one costs little more than the answer's frame.
        static let comparedStatements = 48
        /// Heads that are told around at one time. Others travel by cursor.
        static let hotHeads = 1_024
        /// A change of at most so many bytes goes along whenever its head is told.
        static let smallChangeByteCount = 200
        /// Probes that are passed on for neighbours at one time. More are answered at once: nothing to show.
        static let relayedProbes = 64
        static let relayedProbesPerSession = 4
        /// Connections tried at one time only to see whether somebody is there. Further ones are left for the next look.
        static let probeDials = 8
        /// Sessions that other nodes of one operator have dialed. More are refused.
        static let inboundPerOperator = 4
        /// Questions that one operator may ask in a day, all its nodes together. More are answered `overBudget`.
        static let questionsPerDay: Int32 = 100
        /// Operators whose questions are counted. Others are answered `overBudget` until the node starts anew.
        static let askers = Limits.members
    }
}
