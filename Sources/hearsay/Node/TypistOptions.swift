import ArgumentParser
import NodeRuntime

/// How a typist is asked for, whatever the code comes from.
struct TypistOptions: ParsableArguments {
    @Option(help: "Show all codes at most this many bits away (version 2: at most 16, unless --force).")
    var radius: Int?

    @Option(help: "Show this many nearest codes, however far.")
    var nearest: Int?

    @Flag(help: "Allow a radius at which nearly all that is found are strangers.")
    var force = false

    @Option(help: "Narrow the candidates: an operator's key, or a day, or two as 2026-01-01..2026-01-31. May be repeated.")
    var prior: [String] = []

    @Option(help: "From which share of all operators on a code is noise, 0 to 1 (default 0.5).")
    var noiseShare: Double?

    func request(_ sessions: [TypistRequest.Session], schemaVersion: Int) throws -> TypistRequest {
        guard radius == nil || nearest == nil else { throw Failure("give --radius or --nearest, not both") }
        var request = TypistRequest(sessions, schemaVersion: schemaVersion)
        request.radius = radius
        request.nearest = nearest
        request.isForced = force
        request.prior = prior
        request.noisePerMille = try Self.perMille(noiseShare)
        return request
    }

    static func perMille(_ share: Double?) throws -> Int? {
        guard let share else { return nil }
        guard (0...1).contains(share) else { throw Failure("a share of operators is from 0 to 1", hint: "--noise-share 0.5") }
        return Int((share * 1_000).rounded())
    }
}
