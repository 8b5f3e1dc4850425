import Keystrokes

/// What a recording says about its typist, from its records as they come: the profile with the SimHash of schema_version 1, and the fingerprint of schema_version 2.
struct RecordingBuilder {
    private var profile = ProfileBuilder()
    private var fingerprint = FingerprintBuilder()

    /// - Parameter time: seconds since the session's start.
    mutating func add(time: Double, kind: SessionEventKind, data: [UInt8]) {
        profile.add(time: time, kind: kind, data: data)
        fingerprint.add(time: time, kind: kind, data: data)
    }

    consuming func finish(recordedDuration: Double?) -> (profile: SessionProfile, fingerprint: Fingerprint2?) {
        (profile.finish(recordedDuration: recordedDuration), fingerprint.finish())
    }
}
