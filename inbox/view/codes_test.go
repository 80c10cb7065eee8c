package view

import (
	"strings"
	"testing"
)

// TestCodes: each text, and the code that a person would type; empty: none.
func TestCodes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// What programs say.
		{"Your verification code is 123456.", "123456"},
		{"Your verification code is: 123456", "123456"},
		{"Verification code: 0042", "0042"},
		{"123456 is your verification code.", "123456"},
		{"G-482913 is your Google verification code.", "482913"},
		{"Use 739201 as your login code.", "739201"},
		{"Use code 739201 to sign in.", "739201"},
		{"Enter this code to continue:\n\n  90 12 34\n\nIt expires in 10 minutes.", "901234"},
		{"Your code:\n\n847 293\n\nThis code will expire in 15 minutes.", "847293"},
		{"Your one-time password is 55813207. Do not share it.", "55813207"},
		{"OTP: 4821", "4821"},
		{"Your OTP for the transaction of $500.00 is 482193. Valid for 300 seconds.", "482193"},
		{"Your PIN is 9043", "9043"},
		{"Security code: XK4P-29QM", "XK4P-29QM"},
		{"Your confirmation code is A1B2C3", "A1B2C3"},
		{"Confirmation code\nQ7ZK2M\nEnter it in the app.", "Q7ZK2M"},
		{"Here is your passcode: a8f3k2", "a8f3k2"},
		{"Your access code is BKZQWF", "BKZQWF"},
		{"To finish signing in, copy this code\n\n1 2 3 4 5 6\n\nand paste it.", "123456"},
		{"Hi Kim,\n\nwe received a request to sign in on 2026-03-09 at 08:05.\nYour sign-in code is 664210.\nOrder 12345678.", "664210"},
		{"(664210) is your security code", "664210"},
		{"Your code is *664210*.", "664210"},
		{"Code – 664210", "664210"},
		{"Your two-factor token: 664210", "664210"},
		{"Your verification code for Example (valid until 2026) is 7781", "7781"},
		{"Login code: 2024", "2024"},
		{"Reset code\n\n[ 70413855 ]", "70413855"},
		{"Enter the code below to verify your email:\n\nABC-123-DEF\n", "ABC-123-DEF"},
		{"Tu código de verificación es 993412", "993412"},
		{"Ihr Bestätigungscode: 301922", "301922"},
		{"Ваш код: 301922", "301922"},
		{"Visit https://example.net/verify?code=999999 or type the code 135790.", "135790"},
		{"Your verification code: 135790\nSent to kim2026@example.net, call +1 800 555 0199", "135790"},
		{"135790\n\nis your code. Do not reply.", "135790"},
		// 中文
		{"您的验证码是123456，5分钟内有效。", "123456"},
		{"您的验证码为：123456", "123456"},
		{"验证码：8042，请勿告知他人。", "8042"},
		{"【某某】验证码 730192，用于登录，10分钟内有效。", "730192"},
		{"730192（登录验证码），请在10分钟内完成验证。", "730192"},
		{"尊敬的用户：\n\n您正在修改密码，验证码如下：\n\n  482913\n\n如非本人操作请忽略。", "482913"},
		{"动态码 5521，切勿转发。", "5521"},
		{"您的动态密码：558132", "558132"},
		{"您的授权码是 abcdefgh1234", "abcdefgh1234"},
		{"校验码:K7P2，区分大小写", "K7P2"},
		{"您本次操作的校验码为【670112】", "670112"},
		{"口令：441209", "441209"},
		{"您的一次性密码为 90431257，请勿泄露。", "90431257"},
		{"您尾号1234的银行卡正在支付500.00元，验证码 660912。", "660912"},
		{"订单20260309001的验证码是7710。客服电话：400-800-8888。", "7710"},
		{"验证码「201845」将于2026年3月9日失效", "201845"},
		{"激活码：AB12-CD34-EF56", "AB12-CD34-EF56"},
		{"您的驗證碼是 335577", "335577"},
		{"認証コードは 712345 です。", "712345"},
		{"G-112233 是您的 Google 验证码。", "112233"},
		// What is none.
		{"Copyright 2026 Example Inc. All rights reserved.", ""},
		{"Your order 12345678 has shipped. Total: $1234.", ""},
		{"Use promo code SAVE2026 for 20% off.", ""},
		{"Discount code: SPRING24", ""},
		{"优惠码 SAVE2026，满199元可用。", ""},
		{"Your zip code is 94107.", ""},
		{"The server said error code 5521.", ""},
		{"HTTP status code 4040 was returned.", ""},
		{"Please read our Code of Conduct 2026.", ""},
		{"Meeting on 2026-03-09 in room 4021.", ""},
		{"Call us at 1234 5678 9012 with your code at hand.", ""},
		{"您的订单号是 20260309，金额 1999 元。", ""},
		{"您尾号 1234 的银行卡支出 2000 元。", ""},
		{"二维码 123456", ""},
		{"邮编：100080", ""},
		{"客服电话 400-800-8888，传真 12345678", ""},
		{"There is new code in the repository: commit 1234567.", ""},
		{"Your code will expire in 3600 seconds.", ""},
		{"验证码将在 3600 秒后失效", ""},
		{"Scan the QR code 123456 times", ""},
		{"© 2026 Acme · 1234 Main Street", ""},
		{"Invoice number 55667788, due 2026-04-01", ""},
		{"验证码已发送至手机 13800138000，请查收。", ""},
		{"Your verification code was sent to +8613800138000.", ""},
		{"Deine Rechnung Nr. 445566", ""},
		{"https://example.net/verify?code=123456", ""},
	} {
		got := ""
		if list := findCodes(c.text); len(list) > 0 {
			got = list[0].Code
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q (all: %+v)", c.text, got, c.want, findCodes(c.text))
		}
	}
}

// TestCodesAreQuick: a text made of nothing but words and numbers.
func TestCodesAreQuick(t *testing.T) {
	for _, unit := range []string{"code 123456 ", "验证码1234", "code\n", "1234 ", "1 2 3 4 5 6 7 8 ", "A-B-C-D-", "code is is is is ", "((((", "http://a "} {
		begun := cpu()
		findCodes(cutText(strings.Repeat(unit, 1<<20/len(unit))))
		if took := cpu() - begun; took > costsAtMost {
			t.Errorf("%q: %v", unit, took)
		}
	}
}
