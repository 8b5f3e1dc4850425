import ArgumentParser
import Watching

struct WatchRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Stop watching something.")

    @OptionGroup var home: HomeOptions

    @Argument(help: "The watch's number, as hearsay watch list shows it.")
    var number: Int64

    func run() throws {
        guard try WatchStore(directory: home.watcherDirectory).remove(number) else { throw Failure("there is no watch \(number)", hint: "hearsay watch list") }
    }
}
