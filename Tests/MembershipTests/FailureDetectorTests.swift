import Membership
import Primitives
import Testing

/// `Protocol/liveness.md` §2 to §5, one rule each.
@Suite struct FailureDetectorTests {
    typealias Directive = FailureDetector.Directive

    /// A detector with its clock and dice, and a few nodes around it.
    struct World {
        var detector = FailureDetector()
        var random = SeededGenerator(seed: 1)
        var now = Instant.zero
        var reaches: [NodeID: FailureDetector.Reach] = [:]

        init(neighbours: ClosedRange<Int>, dialable: [Int] = [], outboundOnly: [Int] = []) {
            for number in neighbours { add(number, .neighbour) }
            for number in dialable { add(number, .dialable) }
            for number in outboundOnly { add(number, .outboundOnly) }
            for number in neighbours { _ = detector.answered(node(number), at: now) }
        }

        var surroundings: FailureDetector.Surroundings {
            let reaches = reaches
            return FailureDetector.Surroundings(neighbours: reaches.filter { $0.value == .neighbour }.keys.sorted()) { reaches[$0] }
        }

        mutating func add(_ number: Int, _ reach: FailureDetector.Reach) {
            reaches[node(number)] = reach
            _ = detector.learned(node(number), incarnation: 1, hasLeft: false)
        }

        mutating func pass(_ duration: Duration) { now = now + duration }
        mutating func period() -> [Directive] { detector.periodBegan(at: now, surroundings, using: &random) }
        mutating func deadline(_ number: UInt32) -> [Directive] { detector.deadlinePassed(number, at: now, surroundings, using: &random) }
        mutating func lost(_ number: Int) -> [Directive] { detector.lost(node(number), at: now, surroundings, using: &random) }
        mutating func dialFailed(_ number: Int) -> [Directive] { detector.dialFailed(node(number), at: now, surroundings, using: &random) }
        mutating func hint(about number: Int, by relay: Int, incarnation: UInt64 = 1) -> [Directive] {
            detector.hinted(
                node(number), incarnation: incarnation, by: node(relay), of: OriginID(node(relay).raw), at: now, surroundings, using: &random)
        }

        /// Everybody who is asked says that there is nothing to show.
        mutating func nobodyVouches(_ directives: [Directive]) -> [Directive] {
            var following: [Directive] = []
            for case .ask(let relays, _, let number, _) in directives {
                for relay in relays { following += detector.notVouched(number, by: relay, at: now, surroundings, using: &random) }
            }
            return following
        }

        /// Time passes, a second at a time, and nothing answers.
        mutating func silence(for duration: Duration) -> [Directive] {
            var all: [Directive] = []
            let end = now + duration
            while now < end {
                pass(.seconds(1))
                var open = detector.ticked(at: now, surroundings, using: &random)
                while !open.isEmpty {
                    all += open
                    let dialed = open.compactMap { if case .dial(let node) = $0 { node } else { nil } }
                    open = nobodyVouches(open)
                    for node in dialed { open += detector.dialFailed(node, at: now, surroundings, using: &random) }
                }
            }
            return all
        }
    }

    static func node(_ number: Int) -> NodeID { NodeID(bytes: [UInt8](repeating: UInt8(number), count: 32))! }

    @Test func aNeighbourThatAnswersIsAliveAndItsRoundTripIsKnown() throws {
        var world = World(neighbours: 1...1)

        let began = world.period()
        guard case .ping(let node, let number)? = began.first else { throw Unexpected(began) }
        world.pass(.milliseconds(40))
        let answered = world.detector.acknowledged(number, by: node, at: world.now)

        #expect(answered.isEmpty)
        #expect(world.detector.roundTrip(of: node) == .milliseconds(40))
        #expect(world.deadline(number).isEmpty, "the timer of an answered probe is stale")
    }

    @Test func anAnswerOfAnotherNodeIsNone() throws {
        var world = World(neighbours: 1...2)

        let began = world.period()
        guard case .ping(let node, let number)? = began.first else { throw Unexpected(began) }
        let other = node == Self.node(1) ? Self.node(2) : Self.node(1)
        _ = world.detector.acknowledged(number, by: other, at: world.now)

        #expect(!world.deadline(number).isEmpty)
    }

    /// A lost datagram is no reason to suspect anybody: the stream and three neighbours are tried before.
    @Test func aNeighbourIsSuspectedOnlyWhenDatagramStreamAndRelaysAreSilent() throws {
        var world = World(neighbours: 1...5)

        let began = world.period()
        guard case .ping(let node, let number)? = began.first else { throw Unexpected(began) }
        let second = world.deadline(number)
        #expect(second.contains(.pingOnStream(node)))
        guard case .ask(let relays, node, number, _)? = second.first(where: { if case .ask = $0 { true } else { false } }) else { throw Unexpected(second) }
        #expect(relays.count == 3 && !relays.contains(node))
        #expect(world.detector.state(of: node) == .alive)
        let third = world.deadline(number)

        #expect(third.contains(.changed(node, .suspect)))
        #expect(third.contains(.tell(node, incarnation: 1)))
        #expect(world.detector.health == 1, "the relays have not answered either")
    }

    /// What was asked on a session that has ended is not answered on it: that is no finding, and a connection decides.
    @Test func aSessionThatEndsDuringAProbeIsNoReasonToSuspect() throws {
        var world = World(neighbours: 1...5)
        let began = world.period()
        guard case .ping(let node, let number)? = began.first else { throw Unexpected(began) }
        _ = world.deadline(number)
        world.reaches[node] = .dialable

        let third = world.deadline(number)

        #expect(third.contains(.dial(node)) && world.detector.state(of: node) == .alive)
        #expect(world.detector.isUndecided(node))
        #expect(world.deadline(number).contains(.changed(node, .suspect)), "nor does the connection come about")
    }

    @Test func whatTheStreamOrARelayBringsEndsTheProbe() throws {
        for isOnStream in [true, false] {
            var world = World(neighbours: 1...4)
            let began = world.period()
            guard case .ping(let node, let number)? = began.first else { throw Unexpected(began) }
            let second = world.deadline(number)
            guard case .ask(let relays, _, _, _)? = second.first(where: { if case .ask = $0 { true } else { false } }) else { throw Unexpected(second) }
            if isOnStream {
                _ = world.detector.answered(node, at: world.now)
            } else {
                #expect(world.detector.question(number, askedOf: node) == nil, "only those who were asked can bring an answer")
                #expect(world.detector.question(number, askedOf: relays[0])?.target == node)
                _ = world.detector.vouched(number, by: relays[0], at: world.now)
            }
            #expect(world.deadline(number).isEmpty)
            #expect(world.detector.state(of: node) == .alive)
        }
    }

    /// A rumour is a reason to look, and nothing else.
    @Test func aHintAloneMakesNobodySuspect() throws {
        var world = World(neighbours: 1...3, dialable: [9])
        _ = world.detector.answered(Self.node(9), at: world.now)

        let first = world.hint(about: 9, by: 1)
        #expect(first.contains { if case .ask(_, Self.node(9), _, _) = $0 { true } else { false } })
        let second = world.nobodyVouches(first)
        #expect(second.contains(.dial(Self.node(9))))
        #expect(world.detector.state(of: Self.node(9)) == .alive)
        _ = world.detector.answered(Self.node(9), at: world.now)
        let again = world.hint(about: 9, by: 2)

        #expect(world.detector.state(of: Self.node(9)) == .alive)
        #expect(again.isEmpty, "who has just answered is not looked at for every hint")
    }

    @Test func aHintAboutAnEarlierLifeIsIgnored() {
        var world = World(neighbours: 1...3, dialable: [9])
        _ = world.detector.learned(Self.node(9), incarnation: 5, hasLeft: false)

        #expect(world.hint(about: 9, by: 1, incarnation: 4).isEmpty)
        #expect(!world.hint(about: 9, by: 1, incarnation: 5).isEmpty)
    }

    /// Lifeguard IV.B: the more operators have found the same, the sooner it is believed; one operator counts once.
    @Test func suspicionIsShorterTheMoreOperatorsConfirmIt() {
        func timeToDeath(confirmers: [Int]) -> Int {
            var world = World(neighbours: 1...4, dialable: [9])
            _ = world.detector.answered(Self.node(9), at: world.now)
            world.reaches[Self.node(9)] = .dialable
            let dialing = world.nobodyVouches(world.lost(9))
            #expect(dialing.contains(.dial(Self.node(9))))
            #expect(world.dialFailed(9).contains(.changed(Self.node(9), .suspect)))
            for relay in confirmers { _ = world.hint(about: 9, by: relay) }
            for second in 1...120 { if world.silence(for: .seconds(1)).contains(.changed(Self.node(9), .dead)) { return second } }
            return .max
        }
        let (alone, same, two, three) = (
            timeToDeath(confirmers: []), timeToDeath(confirmers: [1, 1, 1]), timeToDeath(confirmers: [1, 2]), timeToDeath(confirmers: [1, 2, 3])
        )

        #expect(three < two && two < same && same < alone && alone < .max, "\(three) \(two) \(same) \(alone)")
    }

    @Test func aSuspectThatAnswersIsAliveAndADeadOneIsStillTried() {
        var world = World(neighbours: 1...4, dialable: [9])
        _ = world.detector.answered(Self.node(9), at: world.now)
        _ = world.nobodyVouches(world.lost(9))
        _ = world.dialFailed(9)
        #expect(world.detector.answered(Self.node(9), at: world.now) == [.changed(Self.node(9), .alive)])
        world.pass(world.detector.configuration.lossInterval)  // Sooner, a second loss would be no reason to look again.
        _ = world.nobodyVouches(world.lost(9))
        _ = world.dialFailed(9)
        _ = world.silence(for: .seconds(120))
        #expect(world.detector.state(of: Self.node(9)) == .dead)

        var tried = false
        for _ in 0..<40 {
            world.pass(.seconds(3))
            tried = tried || world.nobodyVouches(world.period()).contains(.dial(Self.node(9)))
        }

        #expect(tried)
        #expect(world.detector.answered(Self.node(9), at: world.now) == [.changed(Self.node(9), .alive)])
    }

    /// Nobody near an outbound-only member means nothing, as long as nobody says to have lost it.
    @Test func anOutboundOnlyNodeIsNotSuspectedForBeingOutOfReach() {
        var world = World(neighbours: 1...4, outboundOnly: [9])
        _ = world.detector.answered(Self.node(9), at: world.now)
        for _ in 0..<30 {
            world.pass(.seconds(30))
            _ = world.nobodyVouches(world.period())
        }
        #expect(world.detector.state(of: Self.node(9)) == .alive)

        let one = world.nobodyVouches(world.hint(about: 9, by: 1) + world.hint(about: 9, by: 1))
        #expect(!one.contains(.changed(Self.node(9), .suspect)), "one operator's word is not enough")
        let looked = world.nobodyVouches(world.hint(about: 9, by: 2))

        #expect(looked.contains(.changed(Self.node(9), .suspect)))
    }

    /// Nor are two, if they are not of one time: they would be kept ready for when nobody happens to be near it.
    @Test func hintsOfLongAgoSayNothingOfAnOutboundOnlyNode() {
        var world = World(neighbours: 1...4, outboundOnly: [9])
        _ = world.nobodyVouches(world.hint(about: 9, by: 1))
        world.pass(world.detector.configuration.hintInterval)
        var directives = world.nobodyVouches(world.hint(about: 9, by: 2))
        for _ in 0..<30 {
            world.pass(.seconds(30))
            directives += world.nobodyVouches(world.period())
        }

        #expect(!directives.contains(.changed(Self.node(9), .suspect)))
        #expect(world.detector.state(of: Self.node(9)) == .unseen)
    }

    /// Who answers has refuted all that was said of it until then: liars cannot prepare a short patience.
    @Test func hintsAboutANodeThatAnswersDoNotShortenALaterSuspicion() {
        func timeToDeath(isLiedAbout: Bool) -> Int {
            var world = World(neighbours: 1...4, dialable: [9])
            _ = world.detector.answered(Self.node(9), at: world.now)
            for relay in 1...3 where isLiedAbout { _ = world.hint(about: 9, by: relay) }
            _ = world.detector.answered(Self.node(9), at: world.now)
            _ = world.nobodyVouches(world.lost(9))
            #expect(world.dialFailed(9).contains(.changed(Self.node(9), .suspect)))
            for second in 1...120 { if world.silence(for: .seconds(1)).contains(.changed(Self.node(9), .dead)) { return second } }
            return .max
        }

        #expect(timeToDeath(isLiedAbout: true) == timeToDeath(isLiedAbout: false))
    }

    /// What nobody has repeated for so long is no reason for haste either, if the node was not looked at because of it.
    @Test func hintsOfLongAgoDoNotShortenASuspicion() {
        func timeToDeath(isLiedAbout: Bool) -> Int {
            var world = World(neighbours: 1...4, dialable: [9])
            _ = world.detector.answered(Self.node(9), at: world.now)
            for relay in 1...3 where isLiedAbout { _ = world.nobodyVouches(world.hint(about: 9, by: relay)) }
            world.detector.dialSkipped(Self.node(9))
            world.pass(world.detector.configuration.hintInterval)
            _ = world.nobodyVouches(world.lost(9))
            _ = world.dialFailed(9)
            for second in 1...120 { if world.silence(for: .seconds(1)).contains(.changed(Self.node(9), .dead)) { return second } }
            return .max
        }

        #expect(timeToDeath(isLiedAbout: true) == timeToDeath(isLiedAbout: false))
    }

    @Test func whoHasLeftIsNotLookedForUntilItStartsAnew() {
        var world = World(neighbours: 1...3, dialable: [9])
        _ = world.detector.answered(Self.node(9), at: world.now)

        #expect(world.detector.learned(Self.node(9), incarnation: 2, hasLeft: true) == [.changed(Self.node(9), .left)])
        #expect(world.lost(9).isEmpty)
        #expect(world.hint(about: 9, by: 1, incarnation: 2).isEmpty)
        #expect(world.detector.answered(Self.node(9), at: world.now).isEmpty, "what was under way does not bring it back")
        _ = world.detector.learned(Self.node(9), incarnation: 1, hasLeft: false)
        #expect(world.detector.state(of: Self.node(9)) == .left, "an older word does not either")
        _ = world.detector.learned(Self.node(9), incarnation: 3, hasLeft: false)

        #expect(world.detector.answered(Self.node(9), at: world.now) == [.changed(Self.node(9), .alive)])
    }

    @Test func badHealthMakesUsPatientAndSuccessRestoresIt() throws {
        var world = World(neighbours: 1...5)
        for _ in 0..<20 {
            world.pass(.seconds(60))
            for case .ping(let node, let number) in world.period() {
                _ = world.deadline(number)
                _ = world.deadline(number)
                _ = world.detector.answered(node, at: world.now)
            }
        }
        #expect(world.detector.health == world.detector.configuration.healthLimit)
        #expect(world.detector.period == world.detector.configuration.period * 9)

        for _ in 0..<20 {
            world.pass(.seconds(60))
            for case .ping(let node, let number) in world.period() { _ = world.detector.acknowledged(number, by: node, at: world.now) }
        }

        #expect(world.detector.health == 0)
    }

    /// A flood of hints costs at most so many probes at one time.
    @Test func theProbesUnderWayAreBounded() {
        var world = World(neighbours: 1...3, dialable: Array(10...250))
        var asked = 0
        for number in 10...250 { asked += world.hint(about: number, by: 1).count { if case .ask = $0 { true } else { false } } }

        #expect(asked == world.detector.configuration.probeLimit)
    }

    /// Whatever comes, in whatever order: nothing traps, and who does not exist is never talked about.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64]) func nothingThatComesInAnyOrderBreaksIt(seed: UInt64) {
        var world = World(neighbours: 1...6, dialable: [7, 8, 9], outboundOnly: [10])
        var dice = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            world.pass(dice.duration(upTo: .seconds(2)))
            let number = 1 + Int(dice.number(below: 11))
            let probe = UInt32(dice.number(below: 400))
            var directives: [Directive] = []
            switch dice.number(below: 11) {
            case 0: directives = world.period()
            case 1, 2: directives = world.deadline(probe)
            case 3: directives = world.lost(number)
            case 4: directives = world.dialFailed(number)
            case 5: directives = world.hint(about: number, by: 1 + Int(dice.number(below: 6)))
            case 6: directives = world.detector.acknowledged(probe, by: Self.node(number), at: world.now)
            case 7: directives = world.detector.vouched(probe, by: Self.node(number), at: world.now)
            case 8: directives = world.detector.ticked(at: world.now, world.surroundings, using: &world.random)
            case 9: directives = world.detector.learned(Self.node(number % 11), incarnation: dice.next(), hasLeft: dice.number(below: 2) == 0)
            default: world.reaches[Self.node(number)] = number > 10 ? nil : [FailureDetector.Reach.neighbour, .dialable, .outboundOnly].pick(using: &dice)
            }
            for case .changed(let node, _) in directives { #expect(node != Self.node(11), "seed \(seed)") }
        }
    }

    struct Unexpected: Error {
        let directives: [Directive]
        init(_ directives: [Directive]) { self.directives = directives }
    }
}

private func node(_ number: Int) -> NodeID { FailureDetectorTests.node(number) }
