package config

import "strings"

// byMX are hosts that take the mail of domains which are not their own, and the ids of
// the providers that they belong to. The longest ending counts: Tencent's hosts for
// companies end as those for its own addresses do.
var byMX = []struct{ ending, provider string }{
	{"mxbiz1.qq.com", "exmail"}, {"mxbiz2.qq.com", "exmail"}, {"hwmxbiz1.qq.com", "exmail"}, {"hwmxbiz2.qq.com", "exmail"},
	{"mxmail.netease.com", "netease-qiye"}, {"qiye.163.com", "netease-qiye"},
	{"qiye.aliyun.com", "aliyun-qiye"}, {"mxhichina.com", "aliyun-qiye"},
	{"feishu.cn", "feishu"}, {"larksuite.com", "feishu"},
	{"l.google.com", "workspace"}, {"googlemail.com", "workspace"}, {"smtp.google.com", "workspace"},
	{"mail.protection.outlook.com", "microsoft365"}, {"mx.microsoft", "microsoft365"},
	{"zoho.com", "zoho"}, {"zoho.eu", "zoho-eu"}, {"zoho.in", "zoho-in"}, {"zoho.com.cn", "zoho-cn"},
	{"messagingengine.com", "fastmail"}, {"protonmail.ch", "proton"}, {"mail.icloud.com", "icloud"},
	{"mx.yandex.net", "yandex"}, {"mx.yandex.ru", "yandex"}, {"mx.mail.ru", "mailru"},
	{"migadu.com", "migadu"}, {"mailbox.org", "mailboxorg"}, {"ionos.com", "ionos"}, {"ionos.de", "ionos"}, {"kundenserver.de", "ionos"},
	{"mail.ovh.net", "ovh"}, {"mail.gandi.net", "gandi"}, {"hostinger.com", "hostinger"}, {"titan.email", "hostinger"},
	{"privateemail.com", "privateemail"}, {"emailsrvr.com", "rackspace"}, {"secureserver.net", "godaddy"},
	{"infomaniak.ch", "infomaniak"}, {"forwardemail.net", "forwardemail"}, {"posteo.de", "posteo"},
}

// ProviderOfMX is the id of the provider that a host belongs to which takes a domain's
// mail, as package diagnose has it; empty if it is not known.
func ProviderOfMX(host string) string {
	host = "." + strings.ToLower(strings.TrimSuffix(host, "."))
	best, id := "", ""
	for _, row := range byMX {
		if strings.HasSuffix(host, "."+row.ending) && len(row.ending) > len(best) {
			best, id = row.ending, row.provider
		}
	}
	return id
}
