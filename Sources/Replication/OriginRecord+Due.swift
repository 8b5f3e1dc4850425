import Ledger
import Primitives
import WireFormat

extension OriginRecord {
    /// From when on, by the clock of whoever judges it, a head is not early any more, as far as its generation is known.
    public func due(_ head: Verified<Head>) -> Timestamp {
        let position = head.body.position
        guard let begin = certificate(ofGeneration: position.generation)?.body.notBefore else { return .zero }
        // What `verdict` asks for, solved for the time: the last moment there is where that is beyond it.
        let seconds = position.sequence > Self.sequenceBurst ? position.sequence - Self.sequenceBurst : 0
        let (life, isBeyond) = seconds.multipliedReportingOverflow(by: 1_000)
        let (paced, isFar) = begin.milliseconds.addingReportingOverflow(life)
        guard !isBeyond, !isFar else { return .distantFuture }
        return max(head.body.issuedAt, Timestamp(milliseconds: seconds == 0 ? 0 : paced)) + Limits.clockSkew * -1
    }
}
