import Ledger
import Primitives

extension TypistAnswer {
    /// The answer as one JSON object (`Protocol/answers.md` §2).
    ///
    /// - Parameter now: decides which origins are current.
    public func document(at now: Timestamp) -> String {
        var json = JSONText()
        json.object { json in
            SimHashAnswer.put(question.stream, into: &json)
            json.value("candidates_searched", searched)
            put(question.candidates, into: &json)
            if let confidence {
                json.object("confidence") { json in
                    json.value("table", confidence.version)
                    json.value("source", confidence.source)
                }
            } else {
                json.null("confidence")
            }
            json.array("sessions_asked") { json in for part in parts { json.object { put(part, into: &$0) } } }
            json.array("together") { json in for each in combined { json.object { put(each, into: &$0) } } }
            SimHashAnswer.put(freshness, at: now, into: &json)
        }
        return json.text
    }

    private func put(_ candidates: TypistQuestion.Candidates, into json: inout JSONText) {
        guard !candidates.isEverybody else { return json.null("prior") }
        json.object("prior") { json in
            if let origins = candidates.origins {
                json.array("origins") { json in for origin in origins { json.value(nil, "\(origin)") } }
            } else {
                json.null("origins")
            }
            json.value("first_day", candidates.days?.lowerBound)
            json.value("last_day", candidates.days?.upperBound)
        }
    }

    private func put(_ part: Part, into json: inout JSONText) {
        let near = part.near
        json.value("code", Hex.encode(part.session.code))
        if let lengthClass = part.session.lengthClass { json.value("length_class", lengthClass) } else { json.null("length_class") }
        json.value("seen", near.seen)
        json.value("operators", near.operators)
        json.value("seen_by_own", near.seenByOwn)
        json.value("sessions", near.sessions)
        json.value("own_sessions", near.ownSessions)
        json.value("first_day", near.firstDay)
        json.value("last_day", near.lastDay)
        json.value("radius", near.radius)
        if let nearest = near.nearestDistance { json.value("nearest_distance", nearest) } else { json.null("nearest_distance") }
        json.value("noise", part.isNoise)
        json.array("candidates") { json in for candidate in part.candidates { json.object { put(candidate, into: &$0) } } }
        json.array("histogram") { json in for count in near.histogram { json.value(nil, count) } }
    }

    private func put(_ candidate: TypistCandidate, into json: inout JSONText) {
        let match = candidate.match
        json.value("code", match.code.map { Hex.encode($0) }.joined())
        json.value("distance", match.distance)
        json.value("origin", "\(match.origin)")
        json.value("day", match.day)
        json.value("sessions", match.sessions)
        json.value("strength", match.strength)
        json.value("own", match.isOwn)
        json.value("as_near", candidate.asNear)
        if let evidence = candidate.evidence {
            put(evidence, into: &json)
        } else {
            json.value(
                "words", candidate.isItself ? "our own sighting of this very code" : "weak: schema_version 1 tells what was typed as much as who typed it")
        }
    }

    private func put(_ candidate: CombinedCandidate, into json: inout JSONText) {
        json.value("code", Hex.encode(candidate.code))
        json.array("distances") { json in for distance in candidate.distances { json.value(nil, distance) } }
        json.value("origin", "\(candidate.origin)")
        json.value("day", candidate.day)
        json.value("sessions", candidate.sessions)
        json.value("strength", candidate.strength)
        json.value("own", candidate.isOwn)
        put(candidate.evidence, into: &json)
    }

    private func put(_ evidence: WeightOfEvidence, into json: inout JSONText) {
        json.number("decibans", evidence.decibans)
        json.number("likelihood_ratio", evidence.likelihoodRatio)
        json.number("posterior_odds", evidence.likelihoodRatio / Double(max(1, searched)))
        json.value("words", evidence.words(candidates: searched))
    }
}

extension JSONText {
    /// Four significant digits.
    mutating func number(_ key: String, _ value: Double) {
        var scale = 1.0
        let size = value.magnitude
        guard size > 0, size < 1e12 else { return raw(key, size == 0 ? "0" : "\(value)") }
        while size * scale < 1_000, scale < 1e15 { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        raw(key, rounded == rounded.rounded() && rounded.magnitude < 1e12 ? "\(Int(rounded))" : "\(rounded)")
    }
}
