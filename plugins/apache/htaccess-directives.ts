// What Apache's documentation says about directives in .htaccess files: which class of AllowOverride permits which, and which have no
// business in a file that comes with content. Directives that are named nowhere here are left to Apache itself.

import type { OverrideClass } from './apache-config.ts';

const byClass: Readonly<Record<OverrideClass, string>> = {
  AuthConfig: `AuthBasicAuthoritative AuthBasicFake AuthBasicProvider AuthBasicUseDigestAlgorithm AuthDBMGroupFile AuthDBMType
    AuthDBMUserFile AuthDigestAlgorithm AuthDigestDomain AuthDigestNonceLifetime AuthDigestProvider AuthDigestQop AuthFormAuthoritative
    AuthFormProvider AuthGroupFile AuthLDAPURL AuthMerging AuthName AuthType AuthUserFile AuthnCacheProvideFor
    AuthzSendForbiddenOnFailure Require RequireAll RequireAny RequireNone Satisfy Session SessionCookieName SessionEnv SessionMaxAge
    SSLRequire SSLRequireSSL SSLUserName SSLCipherSuite SSLVerifyClient SSLVerifyDepth SSLOptions`,
  FileInfo: `Action AddCharset AddEncoding AddHandler AddInputFilter AddLanguage AddOutputFilter AddOutputFilterByType AddType
    AddDefaultCharset BrowserMatch BrowserMatchNoCase CharsetDefault CharsetOptions CharsetSourceEnc CookieDomain CookieExpires CookieName
    CookieStyle CookieTracking DefaultLanguage DefaultType EnableMMAP EnableSendfile ErrorDocument FileETag ForceLanguagePriority
    ForceType Header LanguagePriority ModMimeUsePathInfo MultiviewsMatch PassEnv QualifyRedirectURL Redirect RedirectMatch
    RedirectPermanent RedirectTemp RemoveCharset RemoveEncoding RemoveHandler RemoveInputFilter RemoveLanguage RemoveOutputFilter
    RemoveType RequestHeader RewriteBase RewriteCond RewriteEngine RewriteOptions RewriteRule ScriptInterpreterSource SetEnv SetEnvIf
    SetEnvIfExpr SetEnvIfNoCase SetHandler SetInputFilter SetOutputFilter Substitute UnsetEnv CGIPassAuth AcceptPathInfo FilterChain
    FilterDeclare FilterProvider`,
  Indexes: `AddAlt AddAltByEncoding AddAltByType AddDescription AddIcon AddIconByEncoding AddIconByType DefaultIcon DirectoryIndex
    DirectoryIndexRedirect DirectorySlash ExpiresActive ExpiresByType ExpiresDefault FallbackResource HeaderName ImapBase ImapDefault
    ImapMenu IndexHeadInsert IndexIgnore IndexIgnoreReset IndexOptions IndexOrderDefault IndexStyleSheet MetaDir MetaFiles MetaSuffix
    ReadmeName`,
  Limit: 'Allow Deny Order',
  Options:
    'CheckCaseOnly CheckSpelling ContentDigest Options SSIErrorMsg SSITimeFormat SSIUndefinedEcho XBitHack',
};

const classes = new Map<string, OverrideClass>(
  Object.entries(byClass).flatMap(([name, directives]) =>
    directives.split(/\s+/).map((directive) => [directive.toLowerCase(), name as OverrideClass] as const),
  ),
);

/**
 * Read as part of the server's configuration, as they are for the test, these open other files, define variables or set what only the
 * operator may; Apache refuses each of them in a .htaccess file.
 */
const forbidden = new Set(
  `include includeoptional define undefine loadmodule loadfile macro use undefmacro perl allowoverride allowoverridelist directory
  directorymatch location locationmatch virtualhost proxy proxymatch documentroot rewritemap errorlog customlog listen user group`.split(
    /\s+/,
  ),
);

/** Why a directive (lower case) may not stand in a .htaccess file here; null when it may, or when Apache will tell. */
export function htaccessObstacle(name: string, allowed: readonly OverrideClass[]): string | null {
  if (forbidden.has(name) || name.includes('$')) return 'is not allowed in .htaccess files';
  const needed = classes.get(name);
  if (needed === undefined || allowed.includes(needed)) return null;
  return `needs AllowOverride ${needed}, and this site has ${allowed.join(' ') || 'None'}`;
}
