/// What is going to happen in virtual time, earliest first; of two at one time the one scheduled first.
///
/// The heap moves plain 24-byte structs only. What an event carries waits in a slab: a heap that moves enums with arrays or existentials
/// in them was measured to be four times slower.
struct EventQueue<Payload> {
    private struct Entry {
        let time: Int64
        let order: UInt64
        let slot: Int32

        func precedes(_ other: Entry) -> Bool { time != other.time ? time < other.time : order < other.order }
    }

    private var heap: [Entry] = []
    private var nextOrder: UInt64 = 0
    private var slab: [Payload?] = []
    private var free: [Int32] = []

    var isEmpty: Bool { heap.isEmpty }
    var count: Int { heap.count }

    /// When the next event happens, in nanoseconds of virtual time.
    var nextTime: Int64? { heap.first?.time }

    /// O(log n).
    mutating func push(_ payload: Payload, at time: Int64) {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
            slab[Int(slot)] = payload
        } else {
            slot = Int32(slab.count)
            slab.append(payload)
        }
        let entry = Entry(time: time, order: nextOrder, slot: slot)
        nextOrder += 1
        heap.append(entry)
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard entry.precedes(heap[parent]) else { break }
            heap[place] = heap[parent]
            place = parent
        }
        heap[place] = entry
    }

    /// Takes the earliest event; `nil` if nothing is going to happen. O(log n).
    mutating func popFirst() -> (time: Int64, payload: Payload)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        guard let payload = slab[Int(first.slot)] else { preconditionFailure("the event in slot \(first.slot) was taken before") }
        slab[Int(first.slot)] = nil
        free.append(first.slot)
        return (first.time, payload)
    }

    /// Puts `entry` in the place of the first, and further down to where it belongs.
    private mutating func sink(_ entry: Entry) {
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(entry) else { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = entry
    }
}
