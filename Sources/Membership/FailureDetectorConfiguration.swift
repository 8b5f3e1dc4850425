import Primitives

extension FailureDetector {
    /// Our own tuning. Nothing of it is part of the protocol.
    public struct Configuration: Sendable {
        /// One neighbour is probed per period.
        public var period: Duration = .seconds(3)
        /// One of all the others in this time: costly, since most of them have to be dialed.
        public var farPeriod: Duration = .seconds(30)
        /// What an answer by datagram may take, one over a neighbour, and a connection.
        public var answerTimeout: Duration = .milliseconds(700)
        public var relayTimeout: Duration = .milliseconds(1_500)
        public var dialTimeout: Duration = .seconds(4)
        public var relayCount = 3
        /// How long a suspect has time to answer, for each doubling of the mesh: the shortest when `confirmations` operators have found the same, the
        /// longest when nobody else has.
        public var shortestSuspicion: Duration = .seconds(1)
        public var longestSuspicion: Duration = .seconds(5)
        public var confirmations = 3
        /// A suspect is looked at again after this time, and is dead only when it has not answered so often.
        public var secondLookAfter: Duration = .seconds(2)
        public var failuresBeforeDeath = 2
        /// A node that is hinted at is looked at once in this time, and a hint counts for as long.
        public var hintInterval: Duration = .seconds(30)
        /// A member that only dials, and is nobody's neighbour among those asked, is suspected when so many operators have hinted at it: we cannot look
        /// ourselves, and one operator's word is never enough.
        public var operatorsBeyondReach = 2
        /// A node whose sessions end is looked at because of that once in this time.
        public var lossInterval: Duration = .seconds(2)
        /// Probes under way at one time; further ones are not begun, and their turn comes again.
        public var probeLimit = 64
        public var healthLimit = 8

        public init() {}
    }
}
