package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

const realPostfix = "Postfix"

// What a Postfix does with mail that it has taken, as main.cf has it.
const (
	postfixDiscards = "default_transport = discard:\nrelay_transport = discard:\n"
	postfixHolds    = "smtpd_client_restrictions = check_client_access static:HOLD\n"
)

// postfixRelays has it pass mail on to a server.
func postfixRelays(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // it is one of ours
	return "relayhost = [" + host + "]:" + port + "\n"
}

// startPostfix starts a whole Postfix out of the toolbox, with a configuration and
// a queue of its own, in a new folder of base. It has to be root, for Postfix
// insists on giving its rights away.
func (t toolbox) startPostfix(base, does string) (*server, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("Postfix starts as root only")
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, "parley-bench-postfix")
	if err != nil {
		return nil, err
	}
	if err := t.configure(dir, addr, does); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("setting up Postfix: %w", err)
	}
	cmd := exec.Command(filepath.Join(t.dir, "usr/lib/postfix/sbin/master"), "-c", filepath.Join(dir, "etc"), "-d")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+t.libraries(), "MAIL_CONFIG="+filepath.Join(dir, "etc"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its daemons can be ended with it
	s := &server{name: realPostfix, addr: addr, cmd: cmd, dir: filepath.Join(dir, "queue")}
	if err := cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("starting Postfix: %w", err)
	}
	s.end = func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		cmd.Wait()
		os.RemoveAll(dir)
	}
	return s, s.awaitGreeting()
}

// configure writes what master(8) wants to find.
func (t toolbox) configure(dir, addr, does string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	owner, group, err := owners()
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return err
	}
	dirs := []string{"etc", "data", "queue", "queue/pid"}
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace") {
		dirs = append(dirs, "queue/"+name)
	}
	for _, name := range dirs {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		if name == "etc" || name == "queue" || name == "queue/pid" {
			continue // root's
		}
		if err := os.Chown(path, uid, gid); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"main.cf": mainCF, "master.cf": masterCF} {
		values := map[string]string{"Dir": dir, "Tools": t.dir, "Addr": addr, "Owner": owner.Username, "Group": group.Name, "Does": does}
		if err := writeTemplate(filepath.Join(dir, "etc", name), text, values); err != nil {
			return err
		}
	}
	return nil
}

// owners is who the queue belongs to: an account and a group that every Debian
// has, for no account is made here. They may not be those of default_privs.
func owners() (*user.User, *user.Group, error) {
	owner, err := user.Lookup("mail")
	if err != nil {
		return nil, nil, err
	}
	group, err := user.LookupGroup("uucp")
	return owner, group, err
}

func writeTemplate(path, text string, values map[string]string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return template.Must(template.New(path).Parse(text)).Execute(f, values)
}

const mainCF = `compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
command_directory = {{.Tools}}/usr/sbin
daemon_directory = {{.Tools}}/usr/lib/postfix/sbin
shlib_directory = {{.Tools}}/usr/lib/postfix
meta_directory = {{.Tools}}/etc/postfix
import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ
mail_owner = {{.Owner}}
setgid_group = {{.Group}}
default_privs = nobody
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost.localdomain
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = none
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
in_flow_delay = 0
maillog_file =
{{.Does}}`

const masterCF = `{{.Addr}} inet n - n - - smtpd
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error    unix - - n - - error
retry    unix - - n - - error
discard  unix - - n - - discard
smtp     unix - - n - - smtp
relay    unix - - n - - smtp
anvil    unix - - n - 1 anvil
scache   unix - - n - 1 scache
`
