import Ledger
import Primitives
import Similarity

/// Questions in the form of the command line, to answers in the form of `--json`.
public enum Questions {
    public static func typist(_ request: TypistRequest, in index: SightingIndex) -> ControlAnswer {
        do throws(Refusal) {
            return .document(index.ask(try question(request, index)).document(at: SystemClock.timestamp))
        } catch { return .failure(error: error.error, hint: error.hint) }
    }

    public static func domain(_ request: DomainRequest, in index: SightingIndex) -> ControlAnswer {
        guard let domain = DomainName(request.name) else {
            return .failure(error: "\(request.name) is no domain name", hint: "hearsay query domain example.com")
        }
        do throws(Refusal) {
            return .document(index.ask(domain).document(at: SystemClock.timestamp, noisePerMille: try noise(request.noisePerMille)))
        } catch { return .failure(error: error.error, hint: error.hint) }
    }

    public static func domains(_ request: DomainsRequest, in index: SightingIndex) -> ControlAnswer {
        guard let order = SightingIndex.DomainOrder(name: request.order) else {
            return .failure(error: "domains are listed by operators, days or newest", hint: "--by operators")
        }
        guard (1...SightingIndex.matchLimit).contains(request.limit) else {
            return .failure(error: "a list has 1 to \(SightingIndex.matchLimit) domains", hint: "--limit 20")
        }
        let parent = request.under.map { DomainName($0) }
        if let parent, parent == nil { return .failure(error: "\(request.under ?? "") is no domain name", hint: "--under example.org") }
        do throws(Refusal) {
            let noise = try noise(request.noisePerMille)
            return .document(index.ranking(by: order, under: parent ?? nil, limit: request.limit).document(at: SystemClock.timestamp, noisePerMille: noise))
        } catch { return .failure(error: error.error, hint: error.hint) }
    }

    /// What is wrong with a question, and what would work.
    private struct Refusal: Error {
        let error: String
        let hint: String?
    }

    private static func question(_ request: TypistRequest, _ index: SightingIndex) throws(Refusal) -> TypistQuestion {
        guard let version = UInt16(exactly: request.schemaVersion), [1, 2].contains(version) else {
            throw Refusal(error: "codes have schema_version 1 or 2", hint: "--schema-version 2")
        }
        let stream = StreamID(kind: StreamID.sessionSimHash1.kind, schemaVersion: version)
        guard index.isSearchable(stream) else {
            throw Refusal(
                error: "this node holds codes of schema_version \(version) and cannot search them", hint: "upgrade the node; nothing has to be fetched again")
        }
        var sessions: [TypistQuestion.Session] = []
        for session in request.sessions {
            guard let bytes = Hex.decode(session.code), bytes.count == 8 else {
                throw Refusal(error: "a SimHash has 16 hex digits", hint: "hearsay query simhash 0123456789abcdef")
            }
            let code = bytes.reduce(0) { $0 << 8 | UInt64($1) }
            guard code != 0 else { throw Refusal(error: "a SimHash of zeros means that there was no signal", hint: nil) }
            if let lengthClass = session.lengthClass, !(0...3).contains(lengthClass) {
                throw Refusal(error: "a length class is a number from 0 to 3", hint: "hearsay profile shows that of a recording")
            }
            sessions.append(.init(code: code, lengthClass: session.lengthClass.map { UInt8($0) }))
        }
        guard
            let question = TypistQuestion(
                sessions, in: stream, selection: try selection(request, stream), candidates: try candidates(request.prior, index),
                noisePerMille: try noise(request.noisePerMille))
        else { throw Refusal(error: "a question is about 1 to \(TypistQuestion.sessionLimit) sessions", hint: nil) }
        return question
    }

    private static func selection(_ request: TypistRequest, _ stream: StreamID) throws(Refusal) -> SightingIndex.Selection? {
        let habits = StreamHabits.of(stream)
        if let radius = request.radius {
            guard request.nearest == nil else { throw Refusal(error: "a question has a radius or a number of nearest codes, not both", hint: nil) }
            guard (0...64).contains(radius) else { throw Refusal(error: "a radius is a number of bits from 0 to 64", hint: "--radius \(habits.radius)") }
            if let widest = habits.widestRadius, radius > widest, !request.isForced {
                throw Refusal(
                    error: "beyond \(widest) bits nearly all that is found are strangers", hint: "--radius \(widest), or --force to see them all the same")
            }
            return .within(UInt16(radius))
        }
        guard let nearest = request.nearest else { return nil }
        guard (1...SightingIndex.matchLimit).contains(nearest) else {
            throw Refusal(error: "the number of nearest codes is from 1 to \(SightingIndex.matchLimit)", hint: "--nearest \(habits.nearest)")
        }
        return .nearest(nearest)
    }

    /// The fewest digits that name an operator.
    private static let leastKeyDigits = 8

    private static func candidates(_ prior: [String], _ index: SightingIndex) throws(Refusal) -> TypistQuestion.Candidates {
        var candidates = TypistQuestion.Candidates()
        let known = index.freshnessOfOrigins.map(\.origin)
        for text in prior {
            if let days = days(text) {
                guard candidates.days == nil else { throw Refusal(error: "the prior names days twice", hint: "--prior 2026-01-01..2026-01-31") }
                candidates.days = days
                continue
            }
            let matching = text.count >= leastKeyDigits ? known.filter { "\($0)".hasPrefix(text.lowercased()) } : []
            guard let origin = matching.first, matching.count == 1 else {
                throw Refusal(
                    error: "\(text) names neither a day nor one operator whose sightings are held here",
                    hint: "give a day, two days as 2026-01-01..2026-01-31, or an operator's key; hearsay peers shows those")
            }
            candidates.origins = (candidates.origins ?? []) + [origin]
        }
        return candidates
    }

    private static func days(_ text: String) -> ClosedRange<Day>? {
        if let day = Day(text) { return day...day }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty, let first = Day(String(parts[0])), let last = Day(String(parts[2])), first <= last else { return nil }
        return first...last
    }

    private static func noise(_ perMille: Int?) throws(Refusal) -> Int {
        guard let perMille else { return Commonness.standardPerMille }
        guard (0...1_000).contains(perMille) else { throw Refusal(error: "a share of operators is from 0 to 1", hint: "--noise-share 0.5") }
        return perMille
    }
}
