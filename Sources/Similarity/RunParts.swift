import CHamming

/// What a run is made from: a bucket's codes as they came, or another run without what has gone from it.
enum RunSource {
    case segment(CodeSegment)
    case run(CodeRun, isLive: [Bool])

    var count: Int {
        switch self {
        case .segment(let segment): segment.count
        case .run(let run, let isLive): run.labels.indices.reduce(0) { $0 + (isLive[$1] ? run.labels[$1].count : 0) }
        }
    }
}

/// The pieces of a run in the making.
///
/// All sources are in order, so the codes are gathered, sorted and taken apart one slice of their values at a time, each small enough for the processor's
/// caches, and no second copy of everything is needed. About 40 ns a code.
struct RunParts {
    /// Codes in a slice, if they are evenly spread: few enough for a cache, but so many that each source gives some when it is visited.
    private static let sliceCount = 1 << 14
    private static let leastOfSource = 16
    private static let mostSliceBits = 12
    /// So many sources before their turn, memory is asked for what they have next.
    private static let ahead = 6
    /// Codes beyond the last that a vector may read.
    static let spare = 8

    private(set) var labels: [SegmentLabel] = []
    private(set) var firsts: UnsafeMutablePointer<hamming_posting>
    private(set) var repeats: [CodeRun.Repeat] = []
    private(set) var index = hamming_index()
    private(set) var memory: [UnsafeMutableRawPointer] = []
    private(set) var codeCount = 0
    private var entries: Entries
    private var found: UnsafeMutablePointer<UInt64>

    /// - Parameter threeTableMinimum: from so many different codes on there are three tables.
    init(_ sources: [RunSource], threeTableMinimum: Int = CodeRun.threeTableMinimum) {
        let total = sources.reduce(0) { $0 + $1.count }
        precondition(total <= CodeRun.codeLimit, "a run of \(total) codes")
        var memory: [UnsafeMutableRawPointer] = []
        firsts = Self.allocate(total, in: &memory)
        var passing: [UnsafeMutableRawPointer] = []
        found = Self.allocate(total, in: &passing)
        entries = Entries()
        self.memory = memory
        let renumbered = number(sources)
        let sliceCount = max(Self.sliceCount, Self.leastOfSource * sources.count)
        let sliceBits = (0..<Self.mostSliceBits).first { total >> $0 <= sliceCount } ?? Self.mostSliceBits
        var cursors = [Int](repeating: 0, count: sources.count)
        for slice in 0..<1 << sliceBits {
            for (place, source) in sources.enumerated() {
                let coming = place + Self.ahead
                if coming < sources.count, case .segment(let segment) = sources[coming] { segment.askFor(cursors[coming]) }
                gather(source, renumbered[place], slice, sliceBits, &cursors[place])
            }
            takeSlice(sliceBits)
        }
        entries.release()
        fillTables(codeCount < threeTableMinimum ? [16, 16, 16, 16] : [22, 21, 21])
        for each in passing { hamming_release(each) }
    }

    /// The number each source's segments will have; `UInt32.max` for those that are left out.
    private mutating func number(_ sources: [RunSource]) -> [[UInt32]] {
        sources.map { source in
            switch source {
            case .segment(let segment):
                labels.append(segment.label)
                return [UInt32(labels.count - 1)]
            case .run(let run, let isLive):
                return run.labels.indices.map { number in
                    guard isLive[number] else { return .max }
                    labels.append(run.labels[number])
                    return UInt32(labels.count - 1)
                }
            }
        }
    }

    private mutating func gather(_ source: RunSource, _ numbers: [UInt32], _ slice: Int, _ sliceBits: Int, _ cursor: inout Int) {
        switch source {
        case .segment(let segment):
            entries.reserve(segment.count - cursor)
            entries.took(
                hamming_gather(
                    segment.codes, segment.sessions, segment.strengths, segment.count, &cursor, UInt64(slice), UInt32(sliceBits), numbers[0], entries.end))
        case .run(let run, _):
            let finer = Int(run.table(0).bits) - sliceBits
            var repeated = cursor
            run.forEachCode(in: slice << finer..<(slice + 1) << finer) { place, code in
                func take(_ posting: hamming_posting) {
                    let number = numbers[Int(posting.segment)]
                    guard number != .max else { return }
                    entries.reserve(1)
                    entries.append(
                        hamming_entry(code: code, posting: hamming_posting(segment: number, sessions: posting.sessions, strength: posting.strength)))
                }
                take(run.firsts[place])
                while repeated < run.repeats.count, run.repeats[repeated].place == UInt32(place) {
                    take(run.repeats[repeated].posting)
                    repeated += 1
                }
            }
            cursor = repeated
        }
    }

    /// Sorts what has been gathered and puts it behind what is there.
    private mutating func takeSlice(_ sliceBits: Int) {
        guard entries.count > 0 else { return }
        hamming_sort(entries.room, entries.room + entries.capacity, entries.count, UInt32(sliceBits))
        var repeated = [UInt32](repeating: 0, count: entries.count)
        var repeatCount = 0
        let distinct = hamming_distinct(
            entries.room, entries.count, found + codeCount, firsts + codeCount, &repeated, &repeatCount)
        // The n-th entry is of the code that stands n places on, less the repeats before it.
        for (earlier, place) in repeated.prefix(repeatCount).enumerated() {
            repeats.append(CodeRun.Repeat(place: UInt32(codeCount + Int(place) - earlier - 1), posting: entries.room[Int(place)].posting))
        }
        codeCount += distinct
        entries.clear()
    }

    /// - Parameter bits: how long each substring is, from the highest bits on.
    private mutating func fillTables(_ bits: [Int]) {
        var passing: [UnsafeMutableRawPointer] = []
        let scratch: UnsafeMutablePointer<UInt64> = Self.allocate(codeCount, in: &passing)
        index.count = UInt32(codeCount)
        index.table_count = UInt32(bits.count)
        var shift = 64
        for (number, bits) in bits.enumerated() {
            shift -= bits
            var table = hamming_table(
                shift: UInt32(shift), bits: UInt32(bits), starts: Self.allocate(1 << bits + 1, in: &memory),
                low: Self.allocate(codeCount + Self.spare, in: &memory), high: Self.allocate(codeCount + Self.spare, in: &memory))
            (table.low + codeCount).initialize(repeating: 0, count: Self.spare)
            (table.high + codeCount).initialize(repeating: 0, count: Self.spare)
            hamming_fill(found, codeCount, &table, scratch)
            withUnsafeMutableBytes(of: &index.tables) { $0.bindMemory(to: hamming_table.self)[number] = table }
        }
        for each in passing { hamming_release(each) }
    }

    private static func allocate<Element>(_ count: Int, in memory: inout [UnsafeMutableRawPointer]) -> UnsafeMutablePointer<Element> {
        guard let room = hamming_allocate(count * MemoryLayout<Element>.stride) else { preconditionFailure("no memory for \(count) codes") }
        memory.append(room)
        return room.bindMemory(to: Element.self, capacity: count)
    }

    /// Entries of one slice, and as much room beside them to sort in.
    private struct Entries {
        private(set) var capacity = 1 << 16
        private(set) var count = 0
        private(set) var room: UnsafeMutablePointer<hamming_entry> = .allocate(capacity: 1 << 17)

        mutating func reserve(_ more: Int) {
            guard count + more > capacity else { return }
            let larger = max(count + more, capacity * 2)
            let moved = UnsafeMutablePointer<hamming_entry>.allocate(capacity: larger * 2)
            moved.update(from: room, count: count)
            room.deallocate()
            (room, capacity) = (moved, larger)
        }

        mutating func append(_ entry: hamming_entry) {
            room[count] = entry
            count += 1
        }

        var end: UnsafeMutablePointer<hamming_entry> { room + count }
        mutating func took(_ more: Int) { count += more }
        mutating func clear() { count = 0 }
        func release() { room.deallocate() }
    }
}

extension CodeSegment {
    /// Asks memory for the code at a place and what belongs to it.
    fileprivate func askFor(_ place: Int) {
        guard place < count else { return }
        codes.withUnsafeBufferPointer { hamming_ask_for($0.baseAddress! + place) }
        sessions.withUnsafeBufferPointer { hamming_ask_for($0.baseAddress! + place) }
        strengths.withUnsafeBufferPointer { hamming_ask_for($0.baseAddress! + place) }
    }
}
