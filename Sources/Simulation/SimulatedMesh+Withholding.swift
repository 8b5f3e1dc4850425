import Ledger
import NodeCore
import Primitives
import WireFormat

/// Members that keep news to themselves: what they send is what an honest node would, less what they withhold.
extension SimulatedMesh {
    /// What is left of a frame; `nil`: nothing is sent.
    func passed(_ frame: Frame, by node: Int) -> Frame? {
        guard let withholding = withholding(of: node), network.happens(perMille: withholding.perMille) else { return frame }
        var frame = frame
        switch frame.knownType {
        case .evidence where withholding.victim == nil: return nil
        case .statements:
            guard let answer = try? StatementsAnswer(decoding: frame.body) else { return frame }
            // It says how far its log goes, and so others believe that they have it all.
            let told = answer.statements.filter { !isWithheld($0, of: withholding, by: node) }
            counts.newsWithheld += answer.statements.count - told.count
            frame.body = StatementsAnswer(logID: answer.logID, upTo: answer.upTo, hasMore: answer.hasMore, statements: told).encoded()
            return frame
        case .difference:
            guard var answer = try? StatementsDifference(decoding: frame.body) else { return frame }
            let count = answer.statements.count
            answer.statements.removeAll { isWithheld($0, of: withholding, by: node) }
            counts.newsWithheld += count - answer.statements.count
            frame.body = answer.encoded()
            return frame
        case .manifest, .bucket, .changes, .history:
            guard withholding.victim == nil else { return frame }
            return Frame(.refusal, requestID: frame.requestID, isAnswer: true, body: Refusal.notHeld.encoded())
        default: return frame
        }
    }

    func passed(datagram bytes: [UInt8], by node: Int) -> [UInt8]? {
        guard let withholding = withholding(of: node), let message = try? DatagramMessage(decoding: bytes) else { return bytes }
        let heads: [[UInt8]]
        switch message {
        case .heads(let several): heads = several
        case .headWithChange(let news): heads = [news.head]
        default: return bytes
        }
        guard network.happens(perMille: withholding.perMille) else { return bytes }
        let told = heads.filter { !isWithheld($0, of: withholding, by: node) }
        counts.newsWithheld += heads.count - told.count
        return told.count == heads.count ? bytes : told.isEmpty ? nil : DatagramMessage.heads(told).encoded()
    }

    private func withholding(of node: Int) -> Withholding? {
        guard case .withholder(let withholding) = nodes[node].role, now >= withholding.from else { return nil }
        return withholding
    }

    /// Its own news it tells; of others' the heads and the evidence are withheld, never what makes a mesh one.
    private func isWithheld(_ bytes: [UInt8], of withholding: Withholding, by node: Int) -> Bool {
        switch try? UncheckedStatement(decoding: bytes) {
        case .head(let head):
            guard let place = placeOfOrigin[head.body.origin], place != node else { return false }
            return withholding.victim.map { $0 == place } ?? true
        case .evidence: return withholding.victim == nil
        default: return false
        }
    }
}
