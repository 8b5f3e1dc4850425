import CHamming
import Primitives
import Testing

@testable import Similarity

@Suite struct HammingKernelTests {
    /// Around the lanes of every kernel, and over the block `hamming_within` works in.
    static let counts = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 1_023, 1_024, 1_025, 2_049]
    static let widths = [1, 2, 3, 4, 5, 8, 9, 16]

    private func naive(_ query: [UInt64], _ codes: [UInt64]) -> [UInt16] {
        stride(from: 0, to: codes.count, by: query.count).map { start in
            UInt16((0..<query.count).reduce(0) { $0 + (codes[start + $1] ^ query[$1]).nonzeroBitCount })
        }
    }

    @Test(arguments: HammingKernel.supported, seeds) func everyKernelGivesTheDistances(kernel: HammingKernel, seed: UInt64) {
        for words in Self.widths {
            var samples = Samples(seed: seed, wordsPerCode: words)
            let query = samples.code()
            for count in Self.counts {
                let codes = (0..<count).flatMap { _ in samples.code() }
                #expect(kernel.distances(from: query, to: codes) == naive(query, codes), "\(kernel.name), \(count) of \(words) words, \(replay(seed))")
            }
        }
    }

    @Test(arguments: HammingKernel.supported, seeds) func everyKernelFindsThePlacesWithinARadius(kernel: HammingKernel, seed: UInt64) {
        for words in Self.widths {
            var samples = Samples(seed: seed, wordsPerCode: words)
            let query = samples.code()
            for count in Self.counts {
                // Every third is near, so that lanes with none, some and all near ones occur.
                let codes = (0..<count).flatMap { $0 % 3 == 0 || $0 % 40 < 9 ? samples.code(near: query, turning: 12) : samples.code() }
                let distances = naive(query, codes)
                for radius in [0, 1, 6, 12, 32, UInt16(64 * words), .max] {
                    let expected = distances.indices.filter { distances[$0] <= radius }
                    let found = kernel.places(within: radius, of: query, in: codes)
                    #expect(found == expected, "\(kernel.name), \(count) of \(words) words within \(radius), \(replay(seed))")
                }
            }
        }
    }

    @Test(arguments: HammingKernel.supported) func opposedCodesAreAsFarApartAsTheyAreLong(kernel: HammingKernel) {
        for words in Self.widths + [1_023] {
            let zeros = [UInt64](repeating: 0, count: words)
            let ones = [UInt64](repeating: .max, count: words * 9)
            #expect(kernel.distances(from: zeros, to: ones) == [UInt16](repeating: UInt16(64 * words), count: 9), "\(kernel.name), \(words) words")
        }
    }

    /// What is found beyond the capacity is counted and not written.
    @Test(arguments: HammingKernel.supported) func noPlaceIsWrittenBeyondTheCapacity(kernel: HammingKernel) {
        for words in [1, 2, 4] {
            let query = [UInt64](repeating: 7, count: words)
            let codes = [UInt64](repeating: 7, count: words * 1_100)
            for capacity in [0, 1, 7, 8, 9, 1_099, 1_100] {
                var places = [UInt32](repeating: .max, count: capacity + 16)
                let found = hamming_within(kernel.cKernel, query, codes, 1_100, words, 0, &places, capacity)
                #expect(found == 1_100)
                #expect(places == (0..<UInt32(capacity)) + [UInt32](repeating: .max, count: 16), "\(kernel.name), \(words) words, room for \(capacity)")
            }
        }
    }

    @Test func theBestKernelIsTheLastOfThoseSupported() {
        #expect(HammingKernel.supported.first == .portable)
        #expect(HammingKernel.best == HammingKernel.supported.last)
        #expect(Set(HammingKernel.allCases.map(\.name)).count == HammingKernel.allCases.count)
    }

    @Test func aKernelThatDoesNotExistIsNotSupported() {
        #expect(hamming_kernel_is_supported(hamming_kernel(rawValue: 99)) == 0)
    }
}
