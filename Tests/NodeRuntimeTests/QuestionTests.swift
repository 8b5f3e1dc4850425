import Foundation
import NodeRuntime
import Primitives
import Similarity
import Testing

@Suite struct QuestionTests {
    private let index: SightingIndex

    init() throws { index = SightingIndex(own: try #require(OriginID(hex: String(repeating: "11", count: 32)))) }

    private static let code = "0123456789abcdef"

    /// What is said to a question; `nil` if it is answered.
    private func refusal(
        _ sessions: [TypistRequest.Session] = [.init(code: code)], version: Int = 2, in index: SightingIndex? = nil,
        _ change: (inout TypistRequest) -> Void = { _ in }
    ) -> String? {
        var request = TypistRequest(sessions, schemaVersion: version)
        change(&request)
        if case .failure(let error, _) = Questions.typist(request, in: index ?? self.index) { return error }
        return nil
    }

    @Test func eachMistakeInAQuestionIsSaid() {
        #expect(refusal() == nil)
        #expect(refusal(version: 1) == nil)
        #expect(refusal(version: 3) == "codes have schema_version 1 or 2")
        #expect(refusal(version: -1) == "codes have schema_version 1 or 2")
        #expect(refusal([.init(code: "xyz")]) == "a SimHash has 16 hex digits")
        #expect(refusal([.init(code: Self.code + "00")]) == "a SimHash has 16 hex digits")
        #expect(refusal([.init(code: "0000000000000000")]) == "a SimHash of zeros means that there was no signal")
        #expect(refusal([.init(code: Self.code, lengthClass: 4)]) == "a length class is a number from 0 to 3")
        #expect(refusal([]) == "a question is about 1 to 64 sessions")
        #expect(refusal([TypistRequest.Session](repeating: .init(code: Self.code), count: 65)) == "a question is about 1 to 64 sessions")
        #expect(refusal { $0.nearest = 0 } == "the number of nearest codes is from 1 to 1000")
        #expect(refusal { ($0.nearest, $0.radius) = (5, 5) } == "a question has a radius or a number of nearest codes, not both")
        #expect(refusal { $0.noisePerMille = 1_001 } == "a share of operators is from 0 to 1")
    }

    @Test func aWideRadiusMustBeInsistedOn() {
        #expect(refusal { $0.radius = 16 } == nil)
        #expect(refusal { $0.radius = 17 } == "beyond 16 bits nearly all that is found are strangers")
        #expect(refusal { ($0.radius, $0.isForced) = (17, true) } == nil)
        #expect(refusal(version: 1) { $0.radius = 17 } == nil, "version 1 tells nothing at any radius")
        #expect(refusal { ($0.radius, $0.isForced) = (65, true) } == "a radius is a number of bits from 0 to 64")
    }

    @Test func aPriorIsDaysOrOperatorsWhoAreKnown() {
        #expect(refusal { $0.prior = ["2026-01-31"] } == nil)
        #expect(refusal { $0.prior = ["2026-01-01..2026-01-31"] } == nil)
        for text in ["2026-01-31..2026-01-01", "2026-02-30", "nobody", "2222222222", "", ".."] {
            #expect(refusal { $0.prior = [text] }?.hasPrefix("\(text) names neither a day nor one operator") == true, "\(text)")
        }
        #expect(refusal { $0.prior = ["2026-01-01", "2026-01-02"] } == "the prior names days twice")
    }

    @Test func aNodeThatKnowsOnlyVersion1SaysSo() {
        let older = SightingIndex(own: index.own, searchable: [.sessionSimHash1, .smtpTarget1])
        #expect(refusal(in: older) == "this node holds codes of schema_version 2 and cannot search them")
        #expect(refusal(version: 1, in: older) == nil)
    }

    @Test func eachMistakeInAListOfDomainsIsSaid() {
        func refusal(_ request: DomainsRequest, noise: Int? = nil) -> String? {
            var request = request
            request.noisePerMille = noise
            if case .failure(let error, _) = Questions.domains(request, in: index) { return error }
            return nil
        }
        #expect(refusal(DomainsRequest()) == nil)
        #expect(refusal(DomainsRequest(under: "co.uk", order: "newest", limit: 1_000), noise: 0) == nil)
        #expect(refusal(DomainsRequest(order: "size")) == "domains are listed by operators, days or newest")
        for limit in [0, -1, 1_001, .max] { #expect(refusal(DomainsRequest(limit: limit)) == "a list has 1 to 1000 domains") }
        #expect(refusal(DomainsRequest(under: "Example.org")) == "Example.org is no domain name")
        #expect(refusal(DomainsRequest(), noise: 1_001) == "a share of operators is from 0 to 1")
    }
}
