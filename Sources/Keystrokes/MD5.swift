/// MD5 (RFC 1321): spreads tokens over 64 bits as schema_version 1 is defined. No security rests on it.
public enum MD5 {
    private static let shifts: InlineArray<16, UInt32> = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]

    /// floor(2^32 * abs(sin(i + 1))).
    private static let constants: InlineArray<64, UInt32> = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
        0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
        0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
        0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
        0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
        0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ]

    /// 16 bytes.
    public static func hash(_ message: [UInt8]) -> [UInt8] {
        let state = finalState(of: message)
        return [state.0, state.1, state.2, state.3].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }

    /// The first 8 bytes of the hash, as a big-endian integer.
    static func leadingInteger(of message: [UInt8]) -> UInt64 {
        let state = finalState(of: message)
        return UInt64(state.0.byteSwapped) << 32 | UInt64(state.1.byteSwapped)
    }

    private typealias State = (UInt32, UInt32, UInt32, UInt32)

    private static func finalState(of message: [UInt8]) -> State {
        var state: State = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)
        // The message, then 0x80, zeros up to 8 bytes before a block's end, and the number of bits.
        let blockCount = (message.count + 8) / 64 + 1
        for block in 0..<blockCount {
            var words = InlineArray<16, UInt32>(repeating: 0)
            for place in 0..<min(64, max(0, message.count - 64 * block)) {
                words[place / 4] |= UInt32(message[64 * block + place]) << UInt32(8 * (place % 4))
            }
            if message.count / 64 == block { words[message.count % 64 / 4] |= 0x80 << UInt32(8 * (message.count % 4)) }
            if block == blockCount - 1 {
                let bitCount = UInt64(message.count) &* 8
                words[14] = UInt32(truncatingIfNeeded: bitCount)
                words[15] = UInt32(truncatingIfNeeded: bitCount >> 32)
            }
            mix(words, into: &state)
        }
        return state
    }

    private static func mix(_ words: InlineArray<16, UInt32>, into state: inout State) {
        var (a, b, c, d) = state
        for step in 0..<64 {
            let mixed: UInt32
            let place: Int
            switch step >> 4 {
            case 0: (mixed, place) = ((b & c) | (~b & d), step)
            case 1: (mixed, place) = ((d & b) | (~d & c), (5 * step + 1) & 15)
            case 2: (mixed, place) = (b ^ c ^ d, (3 * step + 5) & 15)
            default: (mixed, place) = (c ^ (b | ~d), 7 * step & 15)
            }
            let sum = a &+ mixed &+ constants[step] &+ words[place]
            let shift = shifts[(step >> 4) << 2 | step & 3]
            (a, d, c, b) = (d, c, b, b &+ (sum &<< shift | sum &>> (32 &- shift)))
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
    }
}
