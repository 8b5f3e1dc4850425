import Foundation

/// Who has admitted whom, for people: the mesh's root above all, each operator once, below the sponsor that is nearest to the root.
public struct SponsorTree: Codable, Hashable, Sendable {
    public struct Member: Codable, Hashable, Sendable {
        public var `operator`: String
        public var name: String
        public var standing: String
        public var is_own: Bool
        /// What this operator has decided about it.
        public var rule: String?
        /// Sponsors besides the one it stands below: operators' keys, or `root`.
        public var also_admitted_by: [String]
        public var admitted: [Member]
    }

    public var mesh: String
    public var admitted_by_root: [Member]
    /// Of whom no chain of sponsors is known that leads to the root.
    public var unattached: [Member]

    public init(_ status: StatusDocument) {
        mesh = status.mesh
        struct Entry {
            let key: String
            let name: String
            let standing: String
            let rule: String?
            let sponsors: [String]
        }
        var entries = status.origins.map { Entry(key: $0.operator, name: $0.name, standing: $0.standing, rule: $0.rule, sponsors: $0.sponsors) }
        entries.append(Entry(key: status.operator, name: status.name, standing: "member", rule: nil, sponsors: status.sponsors))
        entries.sort { $0.key < $1.key }
        let known = Set(entries.map(\.key))
        func sponsors(_ entry: Entry) -> [String] { entry.sponsors.map { known.contains($0) ? $0 : "root" } }
        // Level by level from the root: sponsors may be named in a circle.
        var parents: [String: String] = [:]
        var level = ["root"]
        while !level.isEmpty {
            let above = Set(level)
            level = []
            for entry in entries where parents[entry.key] == nil {
                guard let parent = sponsors(entry).sorted().first(where: above.contains) else { continue }
                parents[entry.key] = parent
                level.append(entry.key)
            }
        }
        func member(_ entry: Entry) -> Member {
            Member(
                operator: entry.key, name: entry.name, standing: entry.standing, is_own: entry.key == status.operator, rule: entry.rule,
                also_admitted_by: sponsors(entry).filter { $0 != parents[entry.key] }.sorted(),
                admitted: entries.filter { parents[$0.key] == entry.key }.map(member))
        }
        admitted_by_root = entries.filter { parents[$0.key] == "root" }.map(member)
        unattached = entries.filter { parents[$0.key] == nil }.map(member)
    }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    public var text: String {
        var lines = ["mesh \(mesh)"]
        Self.write(admitted_by_root, indent: "", to: &lines)
        if !unattached.isEmpty {
            lines.append("without a chain of sponsors to the root:")
            Self.write(unattached, indent: "", to: &lines)
        }
        return lines.joined(separator: "\n")
    }

    private static func write(_ members: [Member], indent: String, to lines: inout [String]) {
        for (place, member) in members.enumerated() {
            let isLast = place == members.count - 1
            var words = [member.standing]
            if member.is_own { words.append("this operator") }
            if let rule = member.rule { words.append(rule) }
            if !member.also_admitted_by.isEmpty {
                words.append("also admitted by " + member.also_admitted_by.map { String($0.prefix(16)) }.joined(separator: " and "))
            }
            lines.append("\(indent)\(isLast ? "└─" : "├─") \(member.operator.prefix(16))  \(member.name)  (\(words.joined(separator: ", ")))")
            write(member.admitted, indent: indent + (isLast ? "   " : "│  "), to: &lines)
        }
    }
}
