import Foundation
import Testing
import Transport

@Suite struct CaptureFileTests {
    @Test func aCaptureIsReadBackInOrderAndOnlyByItsOwner() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("capture-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let capture = try CaptureFile(path: path)

        capture.saw(.sent, .frame, [1, 2, 3])
        capture.saw(.received, .datagram, [])

        let content = Array(try #require(FileManager.default.contents(atPath: path)))
        let items = CaptureFile.items(in: content)
        #expect(items.count == 2)
        #expect(items[0] == (.sent, .frame, [1, 2, 3]) && items[1] == (.received, .datagram, []))
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        for count in 0..<content.count { #expect(CaptureFile.items(in: Array(content.prefix(count))).count == (count >= 9 ? 1 : 0)) }
        #expect(throws: CaptureFileError.self) { try CaptureFile(path: path + "/nothing") }
    }
}
