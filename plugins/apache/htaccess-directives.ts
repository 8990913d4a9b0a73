// Why a directive may not stand in a .htaccess file. Apache's own list decides; for directives that it does not list, such as those of a
// module that is not loaded, what its documentation says. What is named in neither is left to Apache's configuration test.

import type { OverrideClass } from './apache-config.ts';
import type { DirectivePermits } from './directive-permits.ts';
import type { Directive } from './read-directives.ts';
import { restrictedFunction } from './restricted-expression.ts';

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

/** Null when it may, or when Apache's test will tell. */
export function htaccessObstacle(
  directive: Directive,
  { allowed, permits }: { readonly allowed: readonly OverrideClass[]; readonly permits: DirectivePermits },
): string | null {
  const { name, block } = directive;
  const listed = permits.get(block === null ? name : `<${name}`);
  if (forbidden.has(name) || name.includes('$') || listed?.length === 0)
    return 'is not allowed in .htaccess files';
  const byDocumentation = classes.get(name);
  const needed = listed ?? (byDocumentation === undefined ? undefined : [byDocumentation]);
  if (needed !== undefined && !needed.some((one) => allowed.includes(one)))
    return `needs AllowOverride ${needed.join(' or ')}, and this site has ${allowed.join(' ') || 'None'}`;
  const restricted = restrictedFunction(directive);
  if (restricted === null) return null;
  return `has an expression with ${restricted}…, which reads files and is not available in .htaccess files`;
}
