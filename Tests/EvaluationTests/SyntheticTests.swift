import Keystrokes
import Primitives
import Testing

@testable import Evaluation

@Suite struct SyntheticTests {
    /// Features of many long sessions, each of another person, in octaves.
    static func features(_ kind: SyntheticScript.Kind, persons: Int, keyCount: Int, seed: UInt64) -> [String: (mean: Double, deviation: Double)] {
        var values: [String: [Double]] = [:]
        for person in 0..<persons {
            let typist = SyntheticTypist(seed: seed, person: person)
            let session = SyntheticSession(typist.script(kind, keyCount: keyCount, session: 0), by: typist, session: 0, day: 0)
            for feature in session.codes().version2?.features ?? [] { values[feature.name, default: []].append(Double(feature.value) / 256) }
        }
        return values.mapValues { values in
            let mean = values.reduce(0, +) / Double(values.count)
            return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
        }
    }

    /// Mean and deviation of the priors of `Protocol/fingerprint-2.md` §5, the spline taken off: what the model promises to follow.
    static let priors: [String: (mean: Double, deviation: Double)] = [
        "M": (7.29, 0.44), "sa": (0.48, 0.39), "as": (-0.22, 0.24), "q90": (1.19, 0.33), "q05": (-1.03, 0.21), "iqr": (0.98, 0.27),
        "rep": (-0.06, 0.42), "altR": (-0.15, 0.21), "spd": (-0.16, 0.24), "rolLi": (0.06, 0.26), "rolRi": (-0.10, 0.30),
    ]

    @Test(arguments: [1, 2] as [UInt64]) func featuresScatterAboutAsThePriorsSay(seed: UInt64) throws {
        let features = Self.features(.prose, persons: 150, keyCount: 330, seed: seed)
        for (name, prior) in Self.priors {
            let feature = try #require(features[name])
            #expect(abs(feature.mean - prior.mean) < 0.15, "\(name), seed \(seed)")
            #expect((0.5...1.5).contains(feature.deviation / prior.deviation), "\(name), seed \(seed)")
        }
    }

    @Test func theSameSeedGivesTheSameEventsAndAnotherDoesNot() {
        let collection = SyntheticCollection(personCount: 2, sessionCount: 2, seed: 7)
        let session = collection.session(1, of: 1).events
        #expect(SyntheticCollection(personCount: 2, sessionCount: 2, seed: 7).session(1, of: 1).events == session)
        #expect(SyntheticCollection(personCount: 2, sessionCount: 2, seed: 8).session(1, of: 1).events != session)
        #expect(collection.session(0, of: 1).events != session)
    }

    @Test(arguments: [3] as [UInt64]) func theClockOfARecordingNeverRunsBackwards(seed: UInt64) {
        let collection = SyntheticCollection(personCount: 20, sessionCount: 3, seed: seed)
        for person in 0..<20 {
            for session in 0..<3 {
                let times = collection.session(session, of: person).events.map(\.time)
                #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 }, "person \(person), session \(session), seed \(seed)")
            }
        }
    }

    /// What is not echoed is a password, and nothing of it is printed anywhere.
    @Test(arguments: [4] as [UInt64]) func aHiddenLinePrintsNothingThatWasTyped(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let typist = SyntheticTypist(seed: seed, person: 0)
        let script = SyntheticScript(.prose, keyCount: 60, seed: seed).addingPasswordPrompt(using: &dice)
        let place = try #require(script.hiddenLines.first)
        let alone = { var alone = script; alone.lines = [script.lines[place]]; return alone }()
        let session = SyntheticSession(alone, by: typist, session: 0, day: 0)
        let printed = session.events.filter { $0.kind == .output }.flatMap(\.data)
        #expect(String(decoding: printed, as: UTF8.self) == "Password: \r\nlogout\r\n")
        #expect(session.events.count { $0.kind == .input } > 8)
    }

    /// Text on the screen is the text of the script: mistakes are corrected, and completed names come out whole.
    @Test(arguments: [5, 6] as [UInt64]) func theScreenShowsTheScript(seed: UInt64) {
        for person in 0..<30 {
            let typist = SyntheticTypist(seed: seed, person: person)
            let script = typist.script(.prose, keyCount: 300, session: 0)
            let session = SyntheticSession(script, by: typist, session: 0, day: 0)
            var screen: [UInt8] = []
            for event in session.events where event.kind == .output {
                if event.data == [0x08, 0x20, 0x08] { screen.removeLast() } else { screen += event.data }
            }
            let wanted = script.lines.map { $0.prompt + String(decoding: $0.text, as: UTF8.self) + "\r\n" }.joined() + "logout\r\n"
            #expect(String(decoding: screen, as: UTF8.self) == wanted, "person \(person), seed \(seed)")
        }
    }

    @Test(arguments: [8] as [UInt64]) func version2TellsPeopleApartAboutAsWellAsRealOnesAndBetterThanVersion1(seed: UInt64) throws {
        let specimens = Specimens.of(SyntheticCollection(personCount: 60, sessionCount: 4, keyCount: 400, seed: seed))
        let rates = try [1, 2].map { version -> Double in
            let figures = StreamFigures(try SpecimenSet(schemaVersion: version, specimens[version] ?? []), replicateCount: 0, seed: seed)
            return try #require(figures.groups[0].equalErrorRate).value
        }
        #expect((0.25...0.45).contains(rates[0]), "seed \(seed)")
        #expect((0.08...0.24).contains(rates[1]), "seed \(seed)")
    }
}

enum Specimens {
    /// By schema_version.
    static func of(_ collection: SyntheticCollection) -> [Int: [Specimen]] {
        var specimens: [Int: [Specimen]] = [:]
        for person in 0..<collection.personCount {
            for session in 0..<collection.sessionCount {
                let (profile, fingerprint) = collection.session(session, of: person).codes()
                if let code = profile.digraphSimHash {
                    let lengthClass = LengthClass(pairCount: profile.digraphSampleCount)
                    specimens[1, default: []].append(Specimen(person: person, code: code, lengthClass: lengthClass))
                }
                if let fingerprint, let code = fingerprint.code {
                    let lengthClass = LengthClass(pairCount: fingerprint.keptPairCount)
                    specimens[2, default: []].append(Specimen(person: person, code: code, lengthClass: lengthClass))
                }
            }
        }
        return specimens
    }
}
