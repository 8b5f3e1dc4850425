import Synchronization
import Testing
import Transport

@Suite struct MailboxTests {
    @Test func elementsComeOutInTheOrderTheyWentIn() async {
        let mailbox = Mailbox<Int>(capacity: 10, byteCapacity: 100)

        mailbox.post(1)
        #expect(mailbox.offer(2, byteCount: 1))
        mailbox.post(3)
        mailbox.finish()

        #expect(await mailbox.next(2) == [1, 2])
        #expect(await mailbox.next(2) == [3])
        #expect(await mailbox.next(2) == nil)
    }

    @Test func aFullMailboxRefusesPeersButNeverTheNodeItself() async {
        let mailbox = Mailbox<Int>(capacity: 2, byteCapacity: 100)

        #expect(mailbox.offer(1, byteCount: 1))
        #expect(mailbox.offer(2, byteCount: 1))
        #expect(!mailbox.offer(3, byteCount: 1))
        mailbox.post(4)

        #expect(await mailbox.next(10) == [1, 2, 4])
    }

    @Test func bytesAreLimitedToo() {
        let mailbox = Mailbox<Int>(capacity: 10, byteCapacity: 100)

        #expect(mailbox.offer(1, byteCount: 1_000))
        #expect(!mailbox.offer(2, byteCount: 1))
    }

    @Test func whoWasPushedBackIsCalledOnceThereIsRoom() async {
        let mailbox = Mailbox<Int>(capacity: 4, byteCapacity: 100)
        let calls = Mutex(0)
        for element in 0..<4 { #expect(mailbox.offer(element, byteCount: 1)) }
        #expect(!mailbox.offer(4, byteCount: 1) { calls.withLock { $0 += 1 } })

        _ = await mailbox.next(1)
        #expect(calls.withLock { $0 } == 0)
        _ = await mailbox.next(1)
        #expect(calls.withLock { $0 } == 1)
        _ = await mailbox.next(1)
        #expect(calls.withLock { $0 } == 1)
    }

    @Test func aWaitingConsumerIsWoken() async {
        let mailbox = Mailbox<Int>(capacity: 4, byteCapacity: 100)

        async let batch = mailbox.next(8)
        mailbox.post(7)

        #expect(await batch == [7])
    }

    @Test func manyWritersLoseNothing() async {
        let mailbox = Mailbox<Int>(capacity: 8, byteCapacity: 1_000)
        let writers = 8, each = 500

        let sum = await withTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    for element in 0..<each { mailbox.post(writer * each + element) }
                    return 0
                }
            }
            group.addTask {
                var sum = 0, seen = 0
                while seen < writers * each, let batch = await mailbox.next(16) {
                    seen += batch.count
                    sum += batch.reduce(0, +)
                }
                return sum
            }
            return await group.reduce(0, +)
        }

        #expect(sum == (0..<writers * each).reduce(0, +))
    }
}
