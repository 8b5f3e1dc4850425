import Primitives

/// The sessions there are, in ascending order of their ids.
///
/// A sorted array: there are some twenty, looked at several times for everything that arrives, and changed where they lie. As values of a dictionary each look
/// copied half a kilobyte.
struct SessionTable: Sendable {
    /// Ascending.
    private(set) var ids: [SessionID] = []
    /// In the order of `ids`. `nil` only while it is being changed.
    private var slots: [Session?] = []

    var count: Int { ids.count }

    subscript(id: SessionID) -> Session? {
        @inline(__always)
        _read {
            if let place = place(of: id) { yield slots[place] } else { yield nil }
        }
        @inline(__always)
        _modify {
            guard let place = place(of: id) else {
                var session: Session?
                defer { if let session { insert(session) } }
                yield &session
                return
            }
            defer { if slots[place] == nil { remove(at: place) } }
            yield &slots[place]
        }
    }

    @discardableResult
    mutating func removeValue(forKey id: SessionID) -> Session? {
        guard let place = place(of: id) else { return nil }
        defer { remove(at: place) }
        return slots[place]
    }

    /// O(log n); of a new one, which has the highest id, O(1).
    @inline(__always)
    private func place(of id: SessionID) -> Int? {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < ids.count && ids[low] == id ? low : nil
    }

    private mutating func insert(_ session: Session) {
        let place = ids.firstIndex { $0 > session.id } ?? ids.count
        ids.insert(session.id, at: place)
        slots.insert(session, at: place)
    }

    private mutating func remove(at place: Int) {
        ids.remove(at: place)
        slots.remove(at: place)
    }
}

extension SessionTable: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { slots.count }

    subscript(place: Int) -> Session {
        @inline(__always)
        _read {
            yield slots[place]!
        }
    }
}
