import Primitives
import Testing
import WireFormat

@Suite struct ReaderTests {
    @Test func fieldsComeBackInOrder() throws {
        var writer = WireWriter()
        writer.integer(UInt8(1))
        writer.integer(UInt16(0x0203))
        writer.integer(UInt32(0x0405_0607))
        writer.integer(UInt64.max)
        writer.day(.last)
        writer.stream(.smtpTarget1)
        writer.prefixed([9, 8], by: UInt16.self)
        #expect(Array(writer.bytes.prefix(7)) == [1, 2, 3, 4, 5, 6, 7])

        var reader = WireReader(writer.bytes)
        #expect(try reader.integer(UInt8.self) == 1)
        #expect(try reader.integer(UInt16.self) == 0x0203)
        #expect(try reader.integer(UInt32.self) == 0x0405_0607)
        #expect(try reader.integer(UInt64.self) == .max)
        #expect(try reader.day() == .last)
        #expect(try reader.stream() == .smtpTarget1)
        #expect(try reader.prefixed(by: UInt16.self, limit: 2, field: .text) == [9, 8])
        try reader.finish()
    }

    @Test func nothingIsReadPastTheEnd() {
        var reader = WireReader([1, 2, 3])
        #expect(throws: WireError.truncated(need: 4, have: 3)) { try reader.integer(UInt32.self) }
        #expect(throws: WireError.truncated(need: 4, have: 3)) { try reader.bytes(4) }
        #expect(throws: WireError.truncated(need: -1, have: 3)) { try reader.bytes(-1) }
        #expect(throws: WireError.truncated(need: 32, have: 3)) { try reader.bytes32() }
        #expect(throws: WireError.trailing(count: 3)) { try reader.finish() }
    }

    @Test func aRangeIsCutToWhatThereIs() {
        #expect(WireReader([1, 2, 3], range: 1..<99).remaining == 2)
        #expect(WireReader([1, 2, 3], range: 50..<99).remaining == 0)
    }

    @Test func countsAreRefusedBeforeTheyCostAnything() {
        var over = WireReader([0, 0, 1, 0])
        #expect(throws: WireError.overLimit(.count, value: 256, limit: 255)) { try over.count(as: UInt32.self, limit: 255, elementByteCount: 1) }
        var absent = WireReader([0, 200, 1, 2, 3])
        #expect(throws: WireError.truncated(need: 600, have: 3)) { try absent.count(as: UInt16.self, limit: 255, elementByteCount: 3) }
        var huge = WireReader([UInt8](repeating: 0x7F, count: 8))
        #expect(throws: WireError.truncated(need: .max, have: 0)) { try huge.count(as: UInt64.self, limit: .max, elementByteCount: 100) }
        var long = WireReader([255, 0])
        #expect(throws: WireError.overLimit(.name, value: 255, limit: 64)) { try long.prefixed(by: UInt8.self, limit: 64, field: .name) }
    }

    @Test func daysEndInTheYear9999() {
        var reader = WireReader([0, 0x2C, 0xC0, 0xA1])
        #expect(throws: WireError.invalid(.day)) { try reader.day() }
    }
}

@Suite struct FrameTests {
    @Test func framesComeBackHoweverTheyAreCut() throws {
        let frames = [
            Frame(.ping, requestID: 7, body: [1, 2, 3]), Frame(.hello, body: []), Frame(.pong, requestID: .max, isAnswer: true, body: Array(0...255)),
        ]
        let bytes = frames.flatMap { $0.encoded() }
        for size in [1, 2, 5, 11, 12, 13, bytes.count] {
            var decoder = FrameDecoder()
            var found: [Frame] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                decoder.append(bytes[start..<min(bytes.count, start + size)])
                while let frame = try decoder.next() { found.append(frame) }
            }
            #expect(found == frames, "pieces of \(size)")
            #expect(decoder.pendingByteCount == 0)
        }
    }

    @Test func aFrameOverItsLimitIsRefusedAtItsHeader() throws {
        for type in FrameType.allCases {
            var writer = WireWriter()
            writer.integer(UInt32(type.maximumBodyByteCount + 9))
            writer.integer(type.rawValue)
            writer.integer(UInt16(0))
            writer.integer(UInt32(0))
            var decoder = FrameDecoder()
            decoder.append(writer.bytes)
            #expect(throws: WireError.self, "\(type)") { try decoder.next() }
        }
    }

    @Test func aLengthShorterThanItsHeaderIsRefused() {
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, 7, 0, 3, 0, 0, 0, 0, 0, 0])
        #expect(throws: WireError.invalid(.frameLength)) { try decoder.next() }
    }

    @Test func anUnknownFrameIsReadWithinItsLimit() throws {
        var decoder = FrameDecoder()
        decoder.append([0, 0, 0, 9, 0xFF, 0xFF, 0, 0, 0, 0, 0, 5, 42])
        let frame = try #require(try decoder.next())
        #expect(frame.knownType == nil && frame.requestID == 5 && frame.body == [42])
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func noiseNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let bytes = random.bytes(count: Int(random.number(below: 80)))
            var decoder = FrameDecoder()
            decoder.append(bytes)
            while let frame = try? decoder.next() { #expect(frame.body.count <= bytes.count, "seed \(seed)") }
            if let datagram = try? SealedDatagram(decoding: bytes) { #expect(datagram.encoded() == bytes, "seed \(seed)") }
            var reader = WireReader(bytes)
            _ = try? NetworkAddress(decoding: &reader)
            #expect(reader.remaining >= 0, "seed \(seed)")
        }
    }
}

@Suite struct SealedDatagramTests {
    @Test func aDatagramComesBackAndItsPrefixesAreRefused() throws {
        let datagram = SealedDatagram(sessionID: 1 << 60, counter: 9, sealed: [UInt8](repeating: 7, count: 16))
        let bytes = datagram.encoded()
        #expect(try SealedDatagram(decoding: bytes) == datagram)
        for count in bytes.indices { #expect(throws: WireError.self) { try SealedDatagram(decoding: Array(bytes.prefix(count))) } }
    }

    @Test func aDatagramHasAtMost1200Bytes() throws {
        #expect(try SealedDatagram(decoding: [UInt8](repeating: 0, count: 1_200)).sealed.count == 1_184)
        #expect(throws: WireError.overLimit(.size, value: 1_201, limit: 1_200)) { try SealedDatagram(decoding: [UInt8](repeating: 0, count: 1_201)) }
    }
}
