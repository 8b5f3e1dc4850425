import ArgumentParser
import Foundation
import NodeRuntime

struct PeersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "Show the other operators and their nodes, and decide whom to keep to and whom to keep away from.",
        discussion: "Pins and blocks are this node's own: nobody is told, and others decide for themselves.",
        subcommands: [List.self, Pin.self, Unpin.self, Block.self, Unblock.self, Quota.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the other operators and their nodes.")

        @OptionGroup var home: HomeOptions

        @Flag(help: "Print one JSON object.")
        var json = false

        func run() throws {
            let text = try home.ask(.status) ?? "{}"
            if json { return print(text) }
            let status = try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
            var table = TextTable([
                "operator", "name", "standing", "rule", "head", "sightings", "node", "state", "last seen", "session", "round trip", "lag", "why down",
                "address",
            ])
            for origin in status.origins {
                let peers = status.peers.filter { $0.operator == origin.operator }
                for peer in peers.isEmpty ? [nil] : peers.map({ Optional($0) }) {
                    table.add([
                        String(origin.operator.prefix(16)), origin.name, origin.standing, origin.rule ?? "-", origin.adopted ?? "-", "\(origin.sightings)",
                        peer.map { String($0.node.prefix(8)) } ?? "-", peer?.state ?? "-", peer.map(Self.lastSeen) ?? "-",
                        peer.map { $0.connected ? ($0.dialed_by_us ? "dialed" : "accepted") : "none" } ?? "-",
                        peer?.round_trip_ms.map { String(format: "%.1f ms", $0) } ?? "-", peer.map { Self.lag(of: $0, origin) } ?? "-",
                        peer?.down_because ?? "-", peer?.addresses.first ?? "-",
                    ])
                }
            }
            print(table.text)
        }

        private static func lastSeen(_ peer: StatusDocument.Peer) -> String {
            guard let seconds = peer.last_seen_s else { return "never" }
            return seconds < 120 ? "\(Int(seconds)) s ago" : "\(Int(seconds / 60)) min ago"
        }

        /// How many of our heads it has not told of, and what we have not read of it or are fetching.
        private static func lag(of peer: StatusDocument.Peer, _ origin: StatusDocument.Origin) -> String {
            var parts: [String] = []
            if let heads = peer.heads_behind, heads > 0 { parts.append("it \(heads) heads") }
            if let unread = peer.unread, unread > 0 { parts.append("we \(unread) statements") }
            if origin.wanted != nil { parts.append("fetching") }
            if let reason = origin.held_back, reason != origin.rule { parts.append("newest head \(reason)") }
            return parts.isEmpty ? "-" : parts.joined(separator: ", ")
        }
    }

    struct Pin: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a session with an operator whenever one can be had.",
            discussion: "For operators that you trust to tell you the news whoever else surrounds you; four at most.")

        @OptionGroup var ruled: RuledOperator

        func run() throws { try ruled.set("pinned", saying: "pinned: a session with it is kept") }
    }

    struct Unpin: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Leave the sessions with an operator to chance again.")

        @OptionGroup var ruled: RuledOperator

        func run() throws { try ruled.set(nil, replacing: "pinned", saying: "not pinned any more") }
    }

    struct Block: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have no session with an operator, and nothing of what it publishes.",
            discussion:
                "What it has published is deleted here. What you publish reaches it all the same, by way of others: only a revocation ends a membership.")

        @OptionGroup var ruled: RuledOperator

        func run() throws { try ruled.set("blocked", saying: "blocked: what it has published is deleted here and not fetched any more") }
    }

    struct Unblock: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take an operator back; what it publishes is fetched again.")

        @OptionGroup var ruled: RuledOperator

        func run() throws { try ruled.set(nil, replacing: "blocked", saying: "not blocked any more") }
    }

    struct Quota: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or change how much of one operator is kept here.",
            discussion: "The heads of an operator that has more are not followed; what was taken before stays. Raise it, and they are followed at once.")

        @OptionGroup var home: HomeOptions

        @Option(help: ArgumentHelp("Sightings of one operator.", valueName: "count"))
        var sightings: UInt64?

        @Option(help: ArgumentHelp("Size of one operator's buckets, in MiB.", valueName: "MiB"))
        var mebibytes: UInt64?

        func validate() throws {
            guard sightings != 0, mebibytes != 0 else { throw ValidationError("a quota of nothing keeps nothing: hearsay peers block is for that") }
            guard mebibytes.map({ $0 <= .max >> 20 }) ?? true else { throw ValidationError("--mebibytes is at most \(UInt64.max >> 20)") }
        }

        func run() throws {
            if sightings != nil || mebibytes != nil { try home.ask(.quota(sightings: sightings, byteCount: mebibytes.map { $0 << 20 })) }
            let status = try JSONDecoder().decode(StatusDocument.self, from: Data((try home.ask(.status) ?? "{}").utf8))
            print("of each operator at most \(status.quota.sightings) sightings, \(status.quota.bytes >> 20) MiB")
            for origin in status.origins where origin.held_back == "over quota" {
                print("operator \(origin.operator.prefix(16)) has more: its newest head is not followed")
            }
        }
    }

    /// The operator that a decision is about.
    struct RuledOperator: ParsableArguments {
        /// The fewest digits that name an operator.
        static let leastKeyDigits = 8

        @OptionGroup var home: HomeOptions

        @Argument(help: "The operator's key, or how it begins: 8 hex digits or more, as hearsay peers shows it.")
        var `operator`: String

        /// - Parameter replacing: what must be so now.
        func set(_ rule: String?, replacing present: String? = nil, saying words: String) throws {
            let status = try JSONDecoder().decode(StatusDocument.self, from: Data((try home.ask(.status) ?? "{}").utf8))
            let origin = try named(in: status)
            if let present, status.origins.first(where: { $0.operator == origin })?.rule != present, status.origins.contains(where: { $0.operator == origin }) {
                throw Failure("operator \(origin.prefix(16)) is not \(present)", hint: "hearsay peers")
            }
            try home.ask(.rule(origin: origin, rule: rule))
            print("operator \(origin.prefix(16)) is \(words)")
        }

        private func named(in status: StatusDocument) throws -> String {
            let key = self.operator.lowercased()
            let matching = key.count >= Self.leastKeyDigits ? status.origins.map(\.operator).filter { $0.hasPrefix(key) } : []
            if matching.count == 1 { return matching[0] }
            if matching.isEmpty, key.count == 64, key.allSatisfy(\.isHexDigit) { return key }  // Somebody may be kept away before it comes.
            throw Failure(
                matching.isEmpty ? "\(self.operator) names no operator of this mesh" : "\(self.operator) begins the keys of \(matching.count) operators",
                hint: "hearsay peers")
        }
    }
}
