import ArgumentParser

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Be told when other operators see a typist, a domain, or the typists of your own sessions.",
        discussion: """
            A program of your own side, as hearsay lookup is: watches, labels and alerts stay in watcher/ under the home directory, and the node is asked over \
            its control socket with codes and domains alone. hearsay watch run looks as soon as the node has adopted something; each operator's day is told once, \
            also over restarts of either. A near code orders candidates: it says where to look first, and never who was there.
            """,
        subcommands: [WatchAddCommand.self, WatchListCommand.self, WatchRemoveCommand.self, WatchRunCommand.self, WatchTestCommand.self])
}

extension HomeOptions {
    var watcherDirectory: String { directory + "/watcher" }
}
