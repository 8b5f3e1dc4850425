import ArgumentParser
import Foundation
import Primitives
import Simulation

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Run a whole mesh in virtual time, in this process, and report how it does.",
        discussion: """
            The nodes are the cores of real nodes; network, disks and clocks are simulated. The same seed gives the same run on every machine. \
            With --drawn each seed draws its own mix of faults instead: chaos, then everything heals, then all must agree within five minutes.
            """)

    @Option(help: "Nodes in the mesh.") var nodes = 100
    @Option(help: "Virtual hours to measure.") var hours = 0.25
    @Option(help: "Share of datagrams that are lost, 0 to 1.") var loss = 0.1
    @Option(help: "Where all dice begin.") var seed: UInt64 = 1
    @Option(help: "Heads that each node publishes in an hour.") var heads = 2.0
    @Option(help: "Write a plot to this file: the share of nodes that hold a head, over the time since its publication.") var svg: String?
    @Flag(help: "Print one JSON object.") var json = false

    @Option(help: "Run an attack by a third of the members, or half for coLocation, and say what has held. One of: \(AttackScenario.names).") var attack:
        String?
    @Flag(help: "One member keeps two books and three of ten pass on nothing: say how fast the proof is everywhere.") var evidence = false
    @Flag(help: "Faults drawn from the seed: loss, partitions, crashes, pauses, clock jumps, hostile members and more.") var drawn = false
    @Option(help: "With --drawn: so many seeds, beginning with --seed.") var count: UInt64 = 1
    @Option(help: "With --drawn: leave this fault out; may be repeated. One of: \(Scenario.Fault.names).") var without: [String] = []
    @Flag(help: "With --drawn: leave out all faults that a failure does not need.") var shrink = false
    @Flag(help: "With --drawn: fail also if something that should happen in some scenario never did.") var sometimes = false

    func validate() throws {
        guard (1...10_000).contains(nodes) else { throw ValidationError("--nodes must be 1 to 10000") }
        guard hours > 0, hours <= 10_000 else { throw ValidationError("--hours must be above 0") }
        guard (0...1).contains(loss) else { throw ValidationError("--loss must be 0 to 1") }
        guard (0...3_600).contains(heads) else { throw ValidationError("--heads must be 0 to 3600: an origin may sign one a second") }
        guard count >= 1, count <= 1_000_000, !seed.addingReportingOverflow(count).overflow else { throw ValidationError("--count must be 1 to 1000000") }
        if let attack {
            guard AttackScenario(rawValue: attack) != nil else { throw ValidationError("there is no attack \(attack); there are: \(AttackScenario.names)") }
            guard nodes >= 12 else { throw ValidationError("--attack needs --nodes 12 or more") }
        }
        if evidence {
            guard nodes >= 12 else { throw ValidationError("--evidence needs --nodes 12 or more") }
        }
        for name in without where Scenario.Fault(rawValue: name) == nil {
            throw ValidationError("there is no fault \(name); there are: \(Scenario.Fault.names)")
        }
    }

    func run() throws {
        if drawn {
            try runDrawn()
        } else if evidence {
            let start = ContinuousClock.now
            let report = EvidenceRun(nodeCount: nodes, seed: seed, lossPerMille: UInt64((loss * 1_000).rounded())).report()
            print(SimulationText.lines(of: report, realTime: ContinuousClock.now - start))
            if !report.isSound { throw ExitCode(1) }
        } else if let attack = attack.flatMap(AttackScenario.init(rawValue:)) {
            let outcome = attack.run(nodeCount: nodes, seed: seed)
            print(SimulationText.lines(of: outcome))
            if !outcome.failures.isEmpty { throw ExitCode(1) }
        } else {
            try runSteady()
        }
    }

    private func runSteady() throws {
        let run = SteadyRun(
            nodeCount: nodes, duration: .seconds(hours * 3_600), lossPerMille: UInt64((loss * 1_000).rounded()), seed: seed, headsPerNodePerHour: heads)
        let start = ContinuousClock.now
        let report = run.report { share in if isatty(2) == 1 { printError("\(Int(share * 100)) %") } }
        let realTime = ContinuousClock.now - start
        if let svg {
            let title = "\(nodes) nodes, \(Int((loss * 100).rounded())) % of datagrams lost, seed \(seed)"
            do {
                try Data(ConvergencePlot(of: report.convergence, title: title).svg.utf8).write(to: URL(fileURLWithPath: svg))
            } catch {
                throw Failure("cannot write \(svg): \(error.localizedDescription)")
            }
        }
        print(try json ? SimulationDocument(report, realTime: realTime).text : SimulationText.lines(of: report, realTime: realTime))
        if !report.isSound { throw ExitCode(1) }
    }

    private func runDrawn() throws {
        let left = Set(without.compactMap(Scenario.Fault.init(rawValue:)))
        let outcomes = DrawnOutcomes()
        DispatchQueue.concurrentPerform(iterations: Int(count)) { place in
            var scenario = Scenario.drawn(seed: seed + UInt64(place))
            scenario.faults.subtract(left)
            let outcome = scenario.run()
            outcomes.add(outcome)
            guard !outcome.isSound else { return }
            let smallest = shrink ? scenario.shrunk() : scenario
            outcomes.tell(SimulationText.failure(outcome, in: smallest, drawn: Scenario.drawn(seed: outcome.seed)))
        }
        print(SimulationText.summary(of: outcomes))
        let isMissing = sometimes && !outcomes.neverHappened.isEmpty
        if outcomes.failureCount > 0 || isMissing { throw ExitCode(1) }
    }
}

extension Scenario.Fault {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension AttackScenario {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
