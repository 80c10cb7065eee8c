package digest

// pageWords are what the pages say, by the names that templates use.
var pageWords = map[string]words{
	"address":   {En: "Your mail address", Zh: "您的邮箱地址"},
	"subscribe": {En: "Subscribe", Zh: "订阅"},
	"after":     {En: "You will be sent a mail with a link. You are subscribed once you have opened it and pressed the button there.", Zh: "我们会给您发一封带链接的邮件。打开链接并点击其中的按钮后，订阅才会生效。"},
	"save":      {En: "Save", Zh: "保存"},
	"leave":     {En: "Unsubscribe", Zh: "退订"},
	"when":      {En: "When", Zh: "发送频率"},
	"what":      {En: "What", Zh: "订阅内容"},
	"all":       {En: "All, also what is added later", Zh: "全部，包括以后新增的"},
	"some":      {En: "Only these:", Zh: "只订阅以下内容："},
	"language":  {En: "Language", Zh: "语言"},
	"front":     {En: "To the first page", Zh: "返回首页"},
	"nothing":   {En: "Nobody counts whether you open these mails, or which links you follow.", Zh: "我们不统计您是否打开邮件、点击了哪些链接。"},

	"daily":  {En: "Every day, one mail with all that is new", Zh: "每天一封，汇总当天更新"},
	"weekly": {En: "Every week, one mail with all that is new", Zh: "每周一封，汇总一周更新"},
	"once":   {En: "At once, whenever there is something new", Zh: "有更新时立即发送"},

	"title front":       {En: "Get new articles by mail", Zh: "用邮件订阅新文章"},
	"title sent":        {En: "Look into your mailbox", Zh: "请查收邮件"},
	"title confirm":     {En: "Confirm your subscription", Zh: "确认订阅"},
	"title confirmed":   {En: "You are subscribed", Zh: "订阅成功"},
	"title preferences": {En: "What you get", Zh: "订阅设置"},
	"title leave":       {En: "Unsubscribe?", Zh: "确定退订？"},
	"title left":        {En: "You are unsubscribed", Zh: "您已退订"},
	"title bad":         {En: "This link is no good", Zh: "链接无效"},
	"title busy":        {En: "Not just now", Zh: "请稍候"},
	"title none":        {En: "There is nothing here", Zh: "页面不存在"},

	"say sent":        {En: "If the address is right, a mail is on its way to it. The link in it says the rest. Look among your junk mail too if it does not come.", Zh: "如果地址无误，邮件正在发往该邮箱，请按其中的链接操作。如果没有收到，请看看垃圾邮件文件夹。"},
	"say confirm":     {En: "Press the button, and articles will be sent to %s.", Zh: "点击按钮后，文章将发送到 %s。"},
	"say confirmed":   {En: "New articles will come to %s. Each mail has a link to change what you get, and one to unsubscribe.", Zh: "新文章将发送到 %s。每封邮件里都有更改设置和退订的链接。"},
	"say preferences": {En: "For %s.", Zh: "邮箱：%s。"},
	"say saved":       {En: "It is saved.", Zh: "已保存。"},
	"say leave":       {En: "Press the button, and nothing more will be sent to %s.", Zh: "点击按钮后，将不再向 %s 发送邮件。"},
	"say left":        {En: "Nothing more will be sent to you, not even what was already waiting to be sent.", Zh: "不会再向您发送邮件，已在等待发送的也已取消。"},
	"say return":      {En: "If that was a mistake you can subscribe again.", Zh: "如果是误操作，可以重新订阅。"},
	"say forged":      {En: "It is not one of ours, or a part of it is missing: mail programs sometimes break long links in two. Copy all of it.", Zh: "该链接不是我们发出的，或者不完整：有些邮件程序会把长链接断成两截，请完整复制。"},
	"say expired":     {En: "It is too old, or was used for something that is over. Write your address on the first page, and you will be sent a new one.", Zh: "链接已过期或已失效。请在首页填写您的邮箱地址，我们会发送新的链接。"},
	"say busy":        {En: "Too many ask at this moment. Please try again in a minute.", Zh: "当前请求过多，请一分钟后再试。"},
	"say failed":      {En: "Something went wrong on our side. Please try again in a minute.", Zh: "服务器出了点问题，请一分钟后再试。"},
	"say none":        {En: "There is no such page.", Zh: "没有这个页面。"},
	"say gone":        {En: "There is no subscription any more that this link is for.", Zh: "该链接对应的订阅已不存在。"},

	"bad address": {En: "That is no mail address such as kim@example.net.", Zh: "这不是有效的邮箱地址，应如 kim@example.net。"},
	"bad choice":  {En: "Choose at least one.", Zh: "请至少选择一项。"},

	"press confirm": {En: "Yes, subscribe me", Zh: "确认订阅"},
	"press leave":   {En: "Unsubscribe", Zh: "退订"},
}
