/// A first-in first-out queue that never holds more than it was told to.
///
/// At the limit the caller is told, and decides: drop the newcomer, drop the oldest, or push back.
public struct BoundedQueue<Element> {
    public let capacity: Int
    private var storage: [Element?]
    private var head = 0
    public private(set) var count = 0

    /// - Parameter capacity: how many elements fit, at least 1.
    public init(capacity: Int) {
        precondition(capacity >= 1, "a queue of capacity \(capacity) can hold nothing")
        self.capacity = capacity
        storage = []
    }

    public var isEmpty: Bool { count == 0 }
    public var isFull: Bool { count == capacity }

    /// Puts the element last; `false`, and nothing changed, if the queue is full. O(1) amortised.
    @discardableResult
    public mutating func append(_ element: Element) -> Bool {
        guard count < capacity else { return false }
        if count == storage.count { grow() }
        storage[(head + count) % storage.count] = element
        count += 1
        return true
    }

    /// Takes the oldest element; `nil` if there is none. O(1).
    public mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = storage[head]
        storage[head] = nil
        head = (head + 1) % storage.count
        count -= 1
        return element
    }

    private mutating func grow() {
        var larger = [Element?]()
        larger.reserveCapacity(min(capacity, max(8, storage.count * 2)))
        for offset in 0..<count { larger.append(storage[(head + offset) % storage.count]) }
        larger.append(contentsOf: repeatElement(nil, count: larger.capacity > count ? min(capacity, max(8, count * 2)) - count : 0))
        storage = larger
        head = 0
    }
}

extension BoundedQueue: Sendable where Element: Sendable {}
