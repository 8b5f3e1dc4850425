/// A hash table whose copies share what they have in common: a copy costs nothing, and a change to one of them copies the few entries around it.
///
/// For tables with an entry for every member of a mesh, of which little changes at a time: a thousand simulated nodes that begin alike hold them once, and
/// what a disk had synced is kept beside what it holds by now. An unshared table changes in place, like a dictionary.
///
/// A tree of 16 branches a level, chosen by four bits of the hash each, with up to 32 entries in a leaf. Looking up and changing are O(log n). As with
/// dictionaries the order of the entries differs from process to process, and nobody can choose keys that meet in one leaf.
public struct SharedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let key: Key
        /// `nil` only while it is being changed.
        @usableFromInline var value: Value?

        @inlinable
        init(key: Key, value: Value?) {
            self.key = key
            self.value = value
        }
    }

    /// A leaf, or 16 branches. Changed only by a table that alone holds it and all above it.
    @usableFromInline
    final class Node: @unchecked Sendable {
        @usableFromInline var entries: [Entry]
        @usableFromInline var branches: [Node?]

        @inlinable
        init(entries: [Entry], branches: [Node?] = []) {
            self.entries = entries
            self.branches = branches
        }
    }

    @inlinable static var leafCapacity: Int { 32 }
    @inlinable static var bitsPerLevel: Int { 4 }
    /// Where the hash has no bits left a leaf holds whatever comes.
    @inlinable static var levelCount: Int { UInt.bitWidth / bitsPerLevel }

    @usableFromInline var root: Node?
    @usableFromInline var entryCount = 0

    @inlinable
    public init() {}

    /// Entries.
    @inlinable public var count: Int { entryCount }
    @inlinable public var isEmpty: Bool { entryCount == 0 }

    @inlinable
    public subscript(key: Key) -> Value? {
        get {
            guard let (leaf, place) = find(key) else { return nil }
            return leaf.entries[place].value
        }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            let (leaf, place) = slot(for: key)
            leaf.entries[place].value = newValue
        }
        _modify {
            // What is not here does not become somebody's own only by being asked for.
            guard find(key) != nil else {
                var value: Value?
                defer { if let value { self[key] = value } }
                yield &value
                return
            }
            let (leaf, place) = slot(for: key)
            defer { if leaf.entries[place].value == nil { vacate(key) } }
            yield &leaf.entries[place].value
        }
    }

    /// Changes what is here in place; `nil` if nothing is. What `body` only reads is not copied.
    @inlinable
    public mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard find(key) != nil else { return nil }
        let (leaf, place) = slot(for: key)
        return body(&leaf.entries[place].value!)
    }

    /// Where a key's value is, if it is here.
    @inlinable
    func find(_ key: Key) -> (leaf: Node, place: Int)? {
        guard var node = root else { return nil }
        var bits = Self.bits(of: key)
        while !node.branches.isEmpty {
            guard let next = node.branches[Int(bits & 15)] else { return nil }
            node = next
            bits >>= UInt(Self.bitsPerLevel)
        }
        for place in node.entries.indices where node.entries[place].key == key { return (node, place) }
        return nil
    }

    @inlinable
    public subscript(key: Key, default value: @autoclosure () -> Value) -> Value {
        get { self[key] ?? value() }
        _modify {
            let (leaf, place) = slot(for: key)
            if leaf.entries[place].value == nil { leaf.entries[place].value = value() }
            yield &leaf.entries[place].value!
        }
    }

    @inlinable
    @discardableResult
    public mutating func removeValue(forKey key: Key) -> Value? {
        guard let value = self[key] else { return nil }
        vacate(key)
        return value
    }

    /// In no order that means anything.
    @inlinable
    public var keys: [Key] {
        var keys: [Key] = []
        keys.reserveCapacity(count)
        forEach { key, _ in keys.append(key) }
        return keys
    }

    /// In no order that means anything.
    @inlinable
    public func forEach(_ body: (Key, Value) -> Void) {
        var waiting: [Node] = root.map { [$0] } ?? []
        while let node = waiting.popLast() {
            for entry in node.entries { if let value = entry.value { body(entry.key, value) } }
            for case let branch? in node.branches { waiting.append(branch) }
        }
    }

    // MARK: The tree

    @inlinable
    static func bits(of key: Key) -> UInt { UInt(bitPattern: key.hashValue) }

    /// Takes out the entry of a key that is here, whether or not it has a value at this moment.
    @inlinable
    mutating func vacate(_ key: Key) {
        let (leaf, place) = slot(for: key)
        leaf.entries.swapAt(place, leaf.entries.count - 1)
        leaf.entries.removeLast()
        entryCount -= 1
        if entryCount == 0 { root = nil }
    }

    /// Where a key's value is or will be, in a leaf that only this table holds.
    @inlinable
    mutating func slot(for key: Key) -> (leaf: Node, place: Int) {
        let (leaf, place, isNew) = Self.slot(for: key, Self.bits(of: key), level: 0, in: &root)
        if isNew { entryCount += 1 }
        return (leaf, place)
    }

    @inlinable
    static func slot(for key: Key, _ bits: UInt, level: Int, in node: inout Node?) -> (leaf: Node, place: Int, isNew: Bool) {
        if node == nil {
            node = Node(entries: [])
        } else if !isKnownUniquelyReferenced(&node) {
            node = node.map { Node(entries: $0.entries, branches: $0.branches) }
        }
        guard let here = node else { preconditionFailure("a node that has just been made is gone") }
        if here.branches.isEmpty {
            for place in here.entries.indices where here.entries[place].key == key { return (here, place, false) }
            if here.entries.count < leafCapacity || level == levelCount {
                here.entries.append(Entry(key: key, value: nil))
                return (here, here.entries.count - 1, true)
            }
            split(here, at: level)
        }
        return slot(for: key, bits >> UInt(bitsPerLevel), level: level + 1, in: &here.branches[Int(bits & 15)])
    }

    @inlinable
    static func split(_ node: Node, at level: Int) {
        var parts = [[Entry]](repeating: [], count: 1 << bitsPerLevel)
        for entry in node.entries { parts[Int(bits(of: entry.key) >> UInt(level * bitsPerLevel) & 15)].append(entry) }
        node.entries = []
        node.branches = parts.map { $0.isEmpty ? nil : Node(entries: $0) }
    }
}
