import CPSL
import Foundation
import Primitives

/// Brings domains into the one form in which they are published (`Protocol/ledger.md` §7.2).
///
/// Stricter than DECNET's extraction, which is unanchored: a name that does not hold as a whole is refused rather than cut.
public enum DomainNormalizer {
    /// Names that are nobody's (RFC 2606, RFC 6761, RFC 6762 and the like).
    static let reserved: Set<String> = [
        "invalid", "test", "localhost", "local", "example", "internal", "onion", "arpa", "lan", "home", "corp", "localdomain", "alt",
    ]

    /// The domain of a recipient as an SMTP honeypot logs it: `<local@domain> PARAMETERS`, `local@domain`; `nil` if there is none.
    public static func domain(ofRecipient text: some StringProtocol) -> DomainName? {
        var path = Substring(text).drop { $0.isWhitespace }
        if let colon = path.range(of: "<")?.lowerBound {
            path = path[path.index(after: colon)...]
            guard let close = unquoted(path, first: { $0 == ">" }) else { return nil }
            path = path[..<close]
            // A source route: only what is behind it counts.
            if path.first == "@", let end = path.firstIndex(of: ":") { path = path[path.index(after: end)...] }
        } else {
            path = path[..<(unquoted(path, first: \.isWhitespace) ?? path.endIndex)]
        }
        guard let at = path.lastIndex(of: "@"), at > path.startIndex else { return nil }
        return domain(path[path.index(after: at)...])
    }

    /// The first such character outside of a quoted local part (`"a b"@example.com`).
    private static func unquoted(_ text: Substring, first isWanted: (Character) -> Bool) -> String.Index? {
        var isQuoted = false
        var isEscaped = false
        return text.indices.first { index in
            let character = text[index]
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else {
                return !isQuoted && isWanted(character)
            }
            return false
        }
    }

    /// A domain name in normal form: lower case, international labels as A-labels, no dot at the end; `nil` for literals, reserved names and
    /// anything that is no name.
    public static func domain(_ text: some StringProtocol) -> DomainName? {
        // No name is longer; attackers' text may be.
        guard text.utf8.count <= 4 * DomainName.maximumByteCount else { return nil }
        var name = text.lowercased().precomposedStringWithCanonicalMapping
        if name.hasSuffix(".") { name.removeLast() }
        let labels = name.split(whereSeparator: { $0 == "." || $0 == "\u{3002}" || $0 == "\u{FF0E}" })
        guard labels.count >= 2, labels.count == name.count(where: { $0 == "." || $0 == "\u{3002}" || $0 == "\u{FF0E}" }) + 1 else { return nil }
        var encoded: [String] = []
        for label in labels {
            guard let ascii = Punycode.asciiLabel(label) else { return nil }
            encoded.append(ascii)
        }
        // A top level is of letters or international (RFC 3696 §2): `com1` is a slip of the hand, and nobody's.
        guard let last = encoded.last, !reserved.contains(last), last.utf8.count >= 2,
            last.hasPrefix("xn--") || last.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
        else { return nil }
        return DomainName(encoded.joined(separator: "."))
    }

    /// The part of a domain that somebody has registered, by the public suffix list; `nil` for a public suffix itself.
    public static func registrable(_ domain: DomainName) -> DomainName? {
        guard let list = psl_builtin() else { return nil }
        // What is found lies inside the text that was asked about.
        let text = domain.text.withCString { name in psl_registrable_domain(list, name).map { String(cString: $0) } }
        return text.flatMap { DomainName($0) }
    }

    /// A domain or an address as somebody types it, as it is published; `nil` if it cannot be.
    public static func published(_ text: String) -> DomainName? {
        (text.contains("@") ? domain(ofRecipient: text) : domain(text)).flatMap { registrable($0) }
    }
}

/// Labels beyond ASCII as A-labels (RFC 3492, with the parameters of RFC 5891).
enum Punycode {
    private static let base = 36, minimum = 1, maximum = 26, skew = 38, damp = 700, firstBias = 72, firstCode: UInt32 = 0x80

    /// The label itself if it is ASCII, else its `xn--` form; `nil` if a letter in it cannot stand in a name.
    static func asciiLabel(_ label: some StringProtocol) -> String? {
        let scalars = Array(label.unicodeScalars)
        if scalars.allSatisfy({ $0.isASCII }) { return String(label) }
        // A name that is written otherwise than it is registered (full width, ligatures), or that claims to be encoded and is not: refused, not guessed.
        guard String(label).precomposedStringWithCompatibilityMapping == String(label), scalars.count <= DomainName.maximumLabelByteCount,
            !(scalars.count >= 4 && scalars[2] == "-" && scalars[3] == "-"), scalars.first != "-", scalars.last != "-", let first = scalars.first,
            first.properties.canonicalCombiningClass == .notReordered, first.properties.generalCategory != .nonspacingMark,
            first.properties.generalCategory != .spacingMark
        else { return nil }
        // Letters, digits and marks only: no symbol, no separator, nothing invisible.
        guard scalars.allSatisfy({ $0.isASCII ? (isLowerASCII($0) || $0 == "-") : isLetterLike($0) }) else { return nil }
        guard let encoded = encode(scalars) else { return nil }
        return "xn--" + encoded
    }

    private static func isLowerASCII(_ scalar: Unicode.Scalar) -> Bool { ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) }

    private static func isLetterLike(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: true
        default: false
        }
    }

    private static func encode(_ scalars: [Unicode.Scalar]) -> String? {
        var output = scalars.filter(\.isASCII).map { Character($0) }
        let basicCount = output.count
        var handled = basicCount
        if basicCount > 0 { output.append("-") }
        var code = firstCode
        var delta = 0
        var bias = firstBias
        while handled < scalars.count {
            guard let next = scalars.map(\.value).filter({ $0 >= code }).min() else { return nil }
            let (product, overflow) = Int(next - code).multipliedReportingOverflow(by: handled + 1)
            guard !overflow, output.count <= 64 else { return nil }
            delta += product
            code = next
            for scalar in scalars {
                if scalar.value < code { delta += 1 }
                guard scalar.value == code else { continue }
                var rest = delta
                var step = base
                while true {
                    let threshold = step <= bias ? minimum : (step >= bias + maximum ? maximum : step - bias)
                    if rest < threshold { break }
                    output.append(digit(threshold + (rest - threshold) % (base - threshold)))
                    rest = (rest - threshold) / (base - threshold)
                    step += base
                }
                output.append(digit(rest))
                bias = adapted(delta, count: handled + 1, isFirst: handled == basicCount)
                delta = 0
                handled += 1
            }
            delta += 1
            code += 1
        }
        return String(output)
    }

    private static func adapted(_ delta: Int, count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / damp : delta / 2
        delta += delta / count
        var steps = 0
        while delta > (base - minimum) * maximum / 2 {
            delta /= base - minimum
            steps += base
        }
        return steps + (base - minimum + 1) * delta / (delta + skew)
    }

    private static func digit(_ value: Int) -> Character { Character(Unicode.Scalar(UInt8(value < 26 ? 0x61 + value : 0x30 + value - 26))) }
}
