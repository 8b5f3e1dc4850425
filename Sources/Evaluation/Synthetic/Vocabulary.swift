/// The words that synthetic typists type. In order of how common they are, as far as that matters.
enum Vocabulary {
    static let english = words(
        """
        the of and to in is that it was for on are as with they at be this have from or one had by but not what all were when we there can \
        an your which their if do will each about how up out them then she many some so these would other into has more her two like him \
        see time could no make than first been its who now people my made over did down only way find use may water long little very after \
        words called just where most know get through back much before go good new write our used me man too any day same right look think \
        also around another came come work three word must because does part even place well such here take why things help put years \
        different away again off went old number great tell men say small every found still between name should home big give air line set \
        own under read last never us left end along while might next sound below saw something thought both few those always looked show \
        large often together asked house world going want school important until form food keep children feet land side without boy once \
        animals life enough took sometimes four head above kind began almost live page got earth need far hand high year mother light \
        parts country father let night following picture being study second eyes soon times story boys since white days ever paper hard \
        near sentence better best across during today others however sure means knew try told young miles sun ways thing whole hear \
        example heard several change answer room sea against top turned learn point city play toward five using himself usually money seen \
        car morning given order ground piece body quickly become shown wind question space heart power system server account traffic \
        update problem report network message window
        """)

    static let programs = words(
        """
        ls cd cat ps grep uname wget chmod rm echo whoami id w uptime netstat find kill history curl tar mkdir ifconfig top vi cp mv tail \
        head df free crontab passwd last export service systemctl mount lscpu nproc dmesg who which touch screen nohup python perl gcc \
        make git ssh scp ping route iptables lsof killall useradd
        """)

    static let folders = words(
        """
        /tmp /var/tmp /etc /root /home /dev/shm /var/www/html /var/log /usr/bin /opt /usr/local/bin /proc /var/spool/cron /etc/init.d \
        /root/.ssh /usr/lib /run /srv /var/run /etc/cron.d /home/admin /mnt /lib /boot /var/backups /etc/nginx /var/lib/mysql
        """)

    static let files = words(
        """
        passwd cpuinfo shadow hosts config.php index.html authorized_keys id_rsa update.sh bot run.sh miner install.sh xmrig resolv.conf \
        backup.sql crontab syslog auth.log bash_history sshd_config data.txt scan.py brute ports.txt pass.lst kernel payload.bin start.sh \
        meminfo clean.sh wp-config.php proxy.conf server.log
        """)

    static let flags = words(
        """
        -la -l -a -r -f -rf -v -n -p -i -aux -ef -h -c -x -s -t -o -e -d -R -xzf -czf -anp -tulpn --help --version --all --force \
        --no-check -q
        """)

    static let names = words(
        """
        root admin test user guest oracle ubuntu postgres mysql www backup deploy git ftp pi support jenkins hadoop nagios student
        """)

    static let hosts = words(
        """
        transfer.sh pastebin.com raw.example.net dl.example.org files.example.com mirror.example.net cdn.example.org update.example.com \
        repo.example.net static.example.org
        """)

    private static func words(_ text: String) -> [String] { text.split { $0.isWhitespace }.map(String.init) }
}
