/// A feature of schema_version 2 with its constants (`Protocol/fingerprint-2.md` §5). The numbers are the specification's, not ours to tune.
struct TypingFeature: Sendable {
    /// Bins beyond these share the outermost.
    static let bins = -32...31

    let name: String
    /// How much it counts.
    let alpha: Int
    /// Width of a bin in 1/256 octave.
    let width: Int
    /// How often people fall into each bin from `firstPriorBin` on, in 1/512: what everybody has in common is subtracted.
    let firstPriorBin: Int
    let prior: [Int]
    let tokens: FingerprintTokens.Row

    /// Spreads a value over three bins by a quadratic spline, so that a small difference changes few bits, and takes away what people have in common (§6).
    func vote(value: Int, count: Int, into votes: inout BitVotes) {
        let strength = alpha * floorDivide(64 * count, by: count + 4)
        let bin = floorDivide(value, by: width)
        let place = floorDivide((value - bin * width) * 16, by: width)
        votes.add(hash(ofBin: bin), weight: strength * (16 - place) * (16 - place))
        votes.add(hash(ofBin: bin + 1), weight: strength * (256 + 2 * place * (16 - place)))
        votes.add(hash(ofBin: bin + 2), weight: strength * place * place)
        for (offset, share) in prior.enumerated() { votes.add(hash(ofBin: firstPriorBin + offset), weight: -strength * share) }
    }

    private func hash(ofBin bin: Int) -> UInt64 {
        let index = min(max(bin, Self.bins.lowerBound), Self.bins.upperBound) - tokens.firstBin
        precondition(tokens.hashes.indices.contains(index), "the table of tokens covers bin \(bin) of \(name)")
        return tokens.hashes[index]
    }
}

extension TypingFeature {
    /// The median level: how fast.
    static let median = TypingFeature(
        name: "M", alpha: 10, width: 100, firstPriorBin: 16, prior: [3, 36, 111, 157, 123, 59, 18, 5], tokens: FingerprintTokens.median)
    static let spaceToLetter = TypingFeature(
        name: "sa", alpha: 6, width: 96, firstPriorBin: -1, prior: [3, 50, 178, 160, 78, 34, 9], tokens: FingerprintTokens.sa)
    static let letterToSpace = TypingFeature(
        name: "as", alpha: 9, width: 128, firstPriorBin: -2, prior: [4, 93, 294, 115, 6], tokens: FingerprintTokens.as)
    static let slowest = TypingFeature(
        name: "q90", alpha: 4, width: 96, firstPriorBin: 1, prior: [2, 55, 177, 172, 87, 19], tokens: FingerprintTokens.q90)
    static let fastest = TypingFeature(
        name: "q05", alpha: 5, width: 144, firstPriorBin: -3, prior: [12, 181, 287, 32], tokens: FingerprintTokens.q05)
    static let spread = TypingFeature(
        name: "iqr", alpha: 5, width: 104, firstPriorBin: 1, prior: [6, 154, 252, 79, 19, 2], tokens: FingerprintTokens.iqr)
    static let doubleLetter = TypingFeature(
        name: "rep", alpha: 4, width: 168, firstPriorBin: -2, prior: [5, 55, 211, 206, 35], tokens: FingerprintTokens.rep)
    static let alternationFromRight = TypingFeature(
        name: "altR", alpha: 5, width: 80, firstPriorBin: -2, prior: [16, 112, 248, 121, 15], tokens: FingerprintTokens.altR)
    static let alternationOverRolls = TypingFeature(
        name: "spd", alpha: 6, width: 96, firstPriorBin: -2, prior: [11, 100, 252, 134, 15], tokens: FingerprintTokens.spd)
    static let leftInwardRoll = TypingFeature(
        name: "rolLi", alpha: 3, width: 128, firstPriorBin: -1, prior: [24, 196, 245, 45, 2], tokens: FingerprintTokens.rolLi)
    static let rightInwardRoll = TypingFeature(
        name: "rolRi", alpha: 3, width: 128, firstPriorBin: -2, prior: [5, 67, 239, 176, 25], tokens: FingerprintTokens.rolRi)

    /// In the order of §5.
    static let all = [
        median, spaceToLetter, letterToSpace, slowest, fastest, spread, doubleLetter, alternationFromRight, alternationOverRolls, leftInwardRoll,
        rightInwardRoll,
    ]
}
