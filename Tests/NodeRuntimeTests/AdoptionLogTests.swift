import Ledger
import Primitives
import Testing

@testable import NodeRuntime
@testable import Storage

@Suite struct AdoptionLogTests {
    private let long: Duration = .seconds(3_600)
    private let day = Day(number: 20_000)

    private func change(_ days: [Int] = [0], of origin: UInt8 = 1, in stream: StreamID = .smtpTarget1) throws -> ReplicaChange {
        let descriptor = try #require(
            StreamDescriptor(stream: stream, keyByteCount: 8, valueByteCount: 3, retentionDays: 90, shardKey: [UInt8](repeating: 0, count: 16)))
        let buckets = days.map { offset in
            Bucket(
                [Record(key: [0, 0, 0, 0, 0, 0, 0, 1], value: [0, 1, 1])], at: day.advanced(by: offset), descriptor: descriptor,
                seed: [UInt8](repeating: 7, count: 32))
        }
        return ReplicaChange(origin: try #require(OriginID(bytes: [UInt8](repeating: origin, count: 32))), added: buckets)
    }

    /// Where somebody stands who has asked everything.
    private func arrived(at log: AdoptionLog) async throws -> ChangesRequest {
        let answer = try #require(await log.next(after: ChangesRequest(), within: long))
        #expect(!answer.complete)
        return ChangesRequest(instance: answer.instance, revision: answer.revision)
    }

    @Test func whoComesFromAnotherProcessIsToldToAskEverything() async throws {
        let (log, other) = (AdoptionLog(), AdoptionLog())
        let position = try await arrived(at: other)
        let answer = try #require(await log.next(after: position, within: long))
        #expect(!answer.complete && answer.changes.isEmpty && answer.instance != position.instance)
        // A revision that was never given.
        let ahead = ChangesRequest(instance: answer.instance, revision: 7)
        #expect(await log.next(after: ahead, within: long)?.complete == false)
    }

    @Test func anAdoptionWakesThoseWhoWait() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        async let first = log.next(after: position, within: long)
        async let second = log.next(after: position, within: long)
        while log.waitingCount < 2 { await Task.yield() }
        log.note(try change([0, -1, 0], of: 3))
        let answers = [await first, await second].compactMap { $0 }
        #expect(answers.count == 2 && answers[0] == answers[1])
        #expect(answers.first?.complete == true && answers.first?.revision == position.revision + 1)
        let told = ChangesDocument.Change(origin: String(repeating: "03", count: 32), kind: 2, schema_version: 1, days: ["2024-10-03", "2024-10-04"])
        #expect(answers.first?.changes == [told])
        #expect(log.waitingCount == 0)
    }

    @Test func whatHasComeBetweenIsToldAtOnce() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        log.note(try change(of: 1))
        log.note(try change(of: 2, in: .sessionSimHash1))
        let answer = try #require(await log.next(after: position, within: long))
        #expect(answer.revision == 2 && answer.changes.map(\.kind) == [2, 1])
        let later = try #require(await log.next(after: ChangesRequest(instance: answer.instance, revision: 1), within: long))
        #expect(later.changes.map(\.kind) == [1])
    }

    @Test func whenTheTimeIsUpNothingIsNew() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        let answer = try #require(await log.next(after: position, within: .zero))
        #expect(answer.complete && answer.changes.isEmpty && answer.revision == position.revision)
        #expect(log.waitingCount == 0)
    }

    @Test func whatIsOnlyTakenAwayIsNoNews() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        log.note(ReplicaChange(origin: try change().origin, removed: [Digest.zero]))
        #expect(await log.next(after: position, within: .zero)?.revision == position.revision)
    }

    @Test func whoIsTooFarBehindAsksEverything() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        for _ in 0...AdoptionLog.changeLimit { log.note(try change()) }
        #expect(await log.next(after: position, within: long)?.complete == false)
        let near = ChangesRequest(instance: position.instance, revision: position.revision + 1)
        let answer = try #require(await log.next(after: near, within: long))
        #expect(answer.complete && answer.changes.count == AdoptionLog.changeLimit)
    }

    @Test func manyDaysAreNotNamed() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        log.note(try change(Array(0...AdoptionLog.dayLimit)))
        let answer = try #require(await log.next(after: position, within: long))
        #expect(answer.changes.map(\.days) == [nil])
    }

    @Test func onlySoManyWaitAndWhoGoesMakesRoom() async throws {
        let log = AdoptionLog()
        let position = try await arrived(at: log)
        let long = long
        let tasks = (0..<ControlLimits.changesWaiting).map { _ in Task { await log.next(after: position, within: long) } }
        while log.waitingCount < tasks.count { await Task.yield() }
        #expect(await log.next(after: position, within: long) == nil)
        for task in tasks { task.cancel() }
        for task in tasks { #expect(await task.value?.changes == []) }
        #expect(log.waitingCount == 0)
        #expect(await log.next(after: position, within: .zero) != nil)
    }
}
